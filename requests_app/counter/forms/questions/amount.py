"""An amount to type: spaces between thousands or not, a comma or a point before the cents."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .base import Control


_WRITTEN = re.compile(r"([0-9]{1,13})(?:[.,]([0-9]{1,2}))?")


class AmountField(forms.CharField):
    default_error_messages = {
        "invalid": _("Écrivez un montant, par exemple 12 500,50."),
        "most": _("Écrivez un montant d’au plus %(most)s."),
    }

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most

    def to_python(self, value: Any) -> str:
        """Digits, a point and two decimals; empty for nothing."""
        text = "".join(super().to_python(value).split()).removesuffix("€")
        if not text:
            return ""
        read = _WRITTEN.fullmatch(text)
        if read is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        whole = int(read[1])
        if whole > self.most:
            raise ValidationError(
                self.error_messages["most"], code="most", params={"most": self.most}
            )
        return f"{whole}.{(read[2] or '').ljust(2, '0')}"

    def prepare_value(self, value: Any) -> Any:
        """As it is written in French."""
        stored = isinstance(value, str) and re.fullmatch(r"[0-9]+\.[0-9]{2}", value)
        return value.replace(".", ",") if stored else value


class Amount(Control):
    def field(self) -> forms.Field:
        one = self.question
        found = AmountField(label=f"{one.label} (€)", help_text=self.help, most=one.most)
        found.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        return found


CONTROL = Amount
