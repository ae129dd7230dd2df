"""A first and a last day to type."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from requests_app.counter.forms.fields import day
from requests_app.procedures.section import Section

from .base import Compound, plain
from .date import bounds


class Period(Compound):
    def places(self) -> Mapping[str, forms.Field]:
        stored, labels = self.stored or {}, {"from_day": _("Du"), "until_day": _("Au")}
        return {
            place: day(label, **bounds(self.question, stored.get(place)))
            for place, label in labels.items()
        }

    def faults(self, cleaned: Mapping[str, Any], section: Section) -> Iterator[tuple[str, str]]:
        places = ("from_day", "until_day")
        typed = {place: plain(cleaned.get(self._name(place))) for place in places}
        if self.question.is_backwards(typed):
            yield (
                self._name("until_day"),
                _("Cette date précède le début : corrigez l’une des deux."),
            )


CONTROL = Period
