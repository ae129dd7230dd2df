"""Fields that name the procedure's authority, or hold a number that it gives."""

from collections.abc import Mapping

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _

from portal.common.fields import LineField
from requests_app.procedures.law import Authority


class AuthorityNumberField(LineField):
    """The number of an authorisation, in the shape that the authority gives it."""


def name_authority(fields: Mapping[str, forms.Field], authority: Authority) -> None:
    """Put the authority's name, its examples and the shape of its numbers where fields ask."""
    for name, field in fields.items():
        label = str(field.label or "")
        if "%(" in label:
            field.label = label % authority.words
        if name == "application_number" and not field.help_text and authority.application_example:
            example = str(authority.application_example)
            field.help_text = _("Par exemple %(example)s.") % {"example": example}
        if isinstance(field, AuthorityNumberField) and authority.number_pattern:
            example = str(authority.number_example or authority.number_pattern)
            said = _("Le numéro a la forme %(example)s.") % {"example": example}
            field.help_text = f"{example}."
            pattern = rf"^(?:{authority.number_pattern})\Z"
            field.validators = [*field.validators, RegexValidator(pattern, said)]
