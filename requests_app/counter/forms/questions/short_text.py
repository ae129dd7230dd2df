"""One line to type."""

from django import forms

from requests_app.counter.forms.fields import line

from .base import Control


class ShortText(Control):
    def field(self) -> forms.Field:
        most = self.question.max_length
        found: forms.Field = line(str(self.question.label), help=self.help, max_length=most)
        return found


CONTROL = ShortText
