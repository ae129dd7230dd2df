"""A body to name, and the questions of its own beside."""

from collections.abc import Mapping
from typing import Any

from django import forms

from requests_app.counter.forms.fields import address, line, text
from requests_app.procedures.questions.organisation import PLACES

from .base import Compound, Control, control_class


class Organisation(Compound):
    places_open = False

    def places(self) -> Mapping[str, forms.Field]:
        own: dict[str, Any] = {
            "name": line(PLACES["name"]),
            "address": text(PLACES["address"], rows=2, max_length=1000),
            "contact": line(PLACES["contact"]),
            "email": address(PLACES["email"]),
            "experience": text(PLACES["experience"], rows=3),
        }
        more = {code: control.field() for code, control in self._more().items()}
        return {place: (own | more)[place] for place in self.question.asked}

    def _more(self) -> dict[str, Control]:
        return {
            one.code: control_class(one.type)(one, stored=None, asked=self.asked)
            for one in self.question.more
        }

    def initial(self, value: Any) -> dict[str, Any]:
        said = {code: control.initial(value[code])[code] for code, control in self._more().items()}
        return super().initial(value | said)

    def collect(self, typed: Mapping[str, Any], stored: Any) -> Any:
        found = super().collect(typed, stored)
        for code, control in self._more().items():
            if (name := self._name(code)) in typed:
                found[code] = control.collect({code: typed[name]}, stored[code])
        return found


CONTROL = Organisation
