"""A whole number to type."""

from django import forms

from requests_app.counter.forms.fields import number

from .base import Control


class WholeNumber(Control):
    def field(self) -> forms.Field:
        one = self.question
        high = min(one.high, self.asked.most.get(one.role, one.high))
        found: forms.Field = number(str(one.label), low=one.low, high=high, help=self.help)
        return found


CONTROL = WholeNumber
