"""Several lines to type."""

from django import forms

from requests_app.counter.forms.fields import text

from .base import Control


class LongText(Control):
    def field(self) -> forms.Field:
        one = self.question
        found: forms.Field = text(
            str(one.label), rows=one.rows, help=self.help, max_length=one.max_length
        )
        return found


CONTROL = LongText
