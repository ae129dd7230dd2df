"""A first and a last day to type."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from requests_app.counter.forms.fields import day
from requests_app.procedures.section import Section

from .base import Compound
from .date import bound


class Period(Compound):
    def places(self) -> Mapping[str, forms.Field]:
        one = self.question
        bounds = {"earliest": bound(one.earliest), "latest": bound(one.latest)}
        return {"from_day": day(_("Du"), **bounds), "until_day": day(_("Au"), **bounds)}

    def faults(self, cleaned: Mapping[str, Any], section: Section) -> Iterator[tuple[str, str]]:
        names = [self._name(place) for place in ("from_day", "until_day")]
        first, last = (cleaned.get(name) for name in names)
        if first and last and last < first:
            yield names[1], _("Cette date précède le début : corrigez l’une des deux.")


CONTROL = Period
