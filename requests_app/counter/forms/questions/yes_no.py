"""Yes or no; or one box to tick."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.counter.forms.fields import choice

from .base import Control


WORDS = {"yes": _("oui"), "no": _("non")}


class YesNo(Control):
    def field(self) -> forms.Field:
        label = str(self.question.label)
        if self.question.tick:
            return forms.BooleanField(label=label, help_text=self.help)
        found: forms.Field = choice(WORDS, label, help=self.help)
        return found

    def initial(self, value: Any) -> dict[str, Any]:
        """As words where « no » is an answer: an unticked box is none."""
        if not self.question.tick:
            value = "" if value is None else "yes" if value else "no"
        return {self.question.code: value}

    def collect(self, typed: Mapping[str, Any], stored: Any) -> Any:
        code = self.question.code
        if code not in typed or self.question.tick:
            return typed.get(code, stored)
        return {"yes": True, "no": False}.get(typed[code])


CONTROL = YesNo
