"""A day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from django.utils import formats
from pydantic import AfterValidator, Field, model_validator

from portal.common.calendar import legal_today
from portal.common.days import years_from_now

from .base import Ordered, Shape


def _is_a_day(bound: str) -> str:
    if bound[4:5] == "-":
        date.fromisoformat(bound)
    return bound


# `today`, so many years from it, or a day.
Bound = Annotated[
    str,
    Field(pattern=r"^(today|-?[0-9]{1,3}y|[0-9]{4}-[0-9]{2}-[0-9]{2})$"),
    AfterValidator(_is_a_day),
]


def in_order(earliest: str, latest: str) -> bool:
    """Whether a day may be between two bounds; one that moves with today, and one that does not,
    are not compared."""
    if earliest[4:5] == latest[4:5] == "-":
        return earliest <= latest
    if "-" in {earliest[4:5], latest[4:5]}:
        return True
    years = [0 if one == "today" else int(one[:-1]) for one in (earliest, latest)]
    return years[0] <= years[1]


def day_of(bound: str) -> date:
    """The day that a bound is today."""
    if bound == "today":
        return legal_today()
    return years_from_now(int(bound[:-1]))() if bound.endswith("y") else date.fromisoformat(bound)


def made_up_day(earliest: str, latest: str, rank: int = 0) -> date:
    """Today, or the nearest day that is allowed; another for another rank."""
    first, last = day_of(earliest), day_of(latest)
    day = min(max(legal_today(), first), last)
    apart = timedelta(days=rank)
    return day - apart if day - first >= apart else day + apart


def in_words(value: str | None) -> str:
    return formats.date_format(date.fromisoformat(value), "j F Y") if value else ""


class Date(Ordered):
    type: Literal["date"]
    earliest: Bound = "1900-01-01"
    latest: Bound = "20y"

    @model_validator(mode="after")
    def bounds_are_in_order(self) -> "Date":
        if not in_order(self.earliest, self.latest):
            raise ValueError(f"question {self.code!r}: latest is before earliest")
        return self

    def shape(self) -> Shape:
        return date | None, None

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return self.not_below(made_up_day(self.earliest, self.latest, rank).isoformat(), facts)

    def words(self, value: Any) -> str:
        return in_words(value)
