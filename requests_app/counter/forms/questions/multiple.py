"""Boxes to tick."""

from django import forms

from requests_app.counter.forms.fields import NOT_A_CHOICE

from .base import Control


class Multiple(Control):
    def field(self) -> forms.Field:
        return forms.MultipleChoiceField(
            label=str(self.question.label),
            choices=[(code, str(label)) for code, label in self.question.labels.items()],
            widget=forms.CheckboxSelectMultiple,
            error_messages=NOT_A_CHOICE,
            help_text=self.help,
        )


CONTROL = Multiple
