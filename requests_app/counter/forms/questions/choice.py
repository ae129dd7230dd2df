"""One answer among several."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from requests_app.counter.forms.fields import choice
from requests_app.procedures.content import is_available

from .base import Control


class Choice(Control):
    def field(self) -> forms.Field:
        one = self.question
        found: forms.Field = choice(one.labels, str(one.label), help=self.help)
        if one.source == "delivery_modes":
            # What cannot be delivered yet is not chosen; a file that holds it keeps it meanwhile.
            closed = {mode for mode in one.labels if not is_available(mode)} - {self.stored}
            found.widget.closed = closed  # type: ignore[attr-defined]
            found.validators.append(lambda mode: _refuse(mode, closed))
        return found


def _refuse(mode: str, closed: set[str]) -> None:
    if mode in closed:
        raise ValidationError(
            _("L’espace projet n’est pas encore disponible : choisissez le système fils.")
        )


CONTROL = Choice
