"""A box to tick, and the reason where one is asked for."""

from collections.abc import Mapping

from django import forms

from requests_app.counter.forms.fields import text

from .base import Compound


class Undertaking(Compound):
    def places(self) -> Mapping[str, forms.Field]:
        one = self.question
        found: dict[str, forms.Field] = {
            "undertaking": forms.BooleanField(label=str(one.statement))
        }
        if one.reason is not None:
            found["reason"] = text(str(one.reason), rows=3)
        return found


CONTROL = Undertaking
