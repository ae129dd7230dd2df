"""A first and a last day."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

from django.utils.translation import gettext as _
from pydantic import model_validator

from requests_app.procedures.texts import Text

from .base import Lack, Question, Shape, Stored
from .date import Bound, in_order, in_words, made_up_day


class StoredPeriod(Stored):
    from_day: date | None = None
    until_day: date | None = None


class Period(Question):
    type: Literal["period"]
    earliest: Bound = "1900-01-01"
    latest: Bound = "20y"

    @model_validator(mode="after")
    def bounds_are_in_order(self) -> "Period":
        if not in_order(self.earliest, self.latest):
            raise ValueError(f"question {self.code!r}: latest is before earliest")
        return self

    def shape(self) -> Shape:
        return StoredPeriod, StoredPeriod()

    def empty(self) -> Any:
        return StoredPeriod().model_dump(mode="json")

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        day = made_up_day(self.earliest, self.latest, rank).isoformat()
        return {"from_day": day, "until_day": day}

    def needs(self) -> Mapping[str, Text]:
        label = self.missing or self.label
        return {"from_day": label, "until_day": label}

    def lacks(self, value: Any) -> Iterator[Lack]:
        """Told once, at the first day that lacks."""
        yield from [*super().lacks(value)][:1]

    def faults(self, value: Any, facts: Mapping[str, Any]) -> Iterator[Lack]:
        if self.is_backwards(value):
            text = _("%(label)s : la fin précède le début") % {"label": self.label}
            yield Lack("contradiction", text, "until_day")

    @staticmethod
    def is_backwards(value: Mapping[str, Any]) -> bool:
        first, last = value["from_day"], value["until_day"]
        return bool(first and last and last < first)

    def words(self, value: Any) -> str:
        first, last = in_words(value["from_day"]), in_words(value["until_day"])
        if first and last:
            return _("du %(first)s au %(last)s") % {"first": first, "last": last}
        if first:
            return _("à partir du %(day)s") % {"day": first}
        return _("jusqu’au %(day)s") % {"day": last} if last else ""
