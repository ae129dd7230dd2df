"""Form fields that read what people really type: addresses, lines of text, numbers."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .digits import is_digits, luhn, packed, whole_number
from .fold import has_letter, one_line, plain_address


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


class LineField(forms.CharField):
    """A text of one line, kept as it is seen: nothing invisible, nothing that turns it round."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return one_line(text) if isinstance(text, str) else text


class NameField(LineField):
    """A name or a title: at least one letter that shows."""

    default_error_messages = {"no_letter": _("Écrivez au moins une lettre.")}

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not has_letter(str(value)):
            raise ValidationError(self.error_messages["no_letter"], code="no_letter")


class WholeNumberField(forms.IntegerField):
    """A whole number, spaces between thousands or not. A text control: a browser's number control
    sends nothing at all for « 12 000 »."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values or isinstance(value, int):
            return super().to_python(value)
        number = whole_number(str(value))
        if number is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"inputmode": "numeric", "autocomplete": "off"}


class SirenField(forms.CharField):
    """A SIREN: nine digits, the last of which checks the others. (La Poste's exception is for the
    SIRET of its offices, not for its SIREN.)"""

    default_error_messages = {
        "length": _("Le SIREN a neuf chiffres. Exemple : 732 829 320."),
        "check": _("Ce numéro n’est pas un SIREN : un chiffre est faux. Relisez-le."),
    }

    def __init__(self, *, max_length: int | None = None, **kwargs: Any) -> None:
        """`max_length` is the column's: what is typed may be longer, with its spaces."""
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return packed(text) if isinstance(text, str) else text

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        if len(value) != 9 or not is_digits(value):
            raise ValidationError(self.error_messages["length"], code="length")
        if not luhn(value) or not int(value):
            raise ValidationError(self.error_messages["check"], code="check")


def uuid_or_none(text: str) -> UUID | None:
    """An identifier of an address, which may be anything."""
    try:
        return UUID(text)
    except ValueError:
        return None
