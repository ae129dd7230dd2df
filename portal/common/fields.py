"""Form fields that read what people really type: addresses, lines of text, whole numbers."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .fold import plain_address


class AddressField(forms.EmailField):
    """A mail address. Compatibility forms and invisible characters pasted with it are put right;
    another letter that Django's pattern lets through before the @ (ı) is refused."""

    default_error_messages = {
        "invalid": _("Écrivez une adresse complète, par exemple nom@exemple.fr."),
        "not_ascii": _(
            "Avant le @, l’adresse n’a que des lettres sans accent, des chiffres et . + - _."
            " Retapez-la."
        ),
    }

    def to_python(self, value: Any) -> str:
        return plain_address(super().to_python(value) or "")

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not str(value).rpartition("@")[0].isascii():
            raise ValidationError(self.error_messages["not_ascii"], code="not_ascii")
