"""What a procedure says of the law around its stages: its authority, reminders of a clock, routes
of appeal. Plain pydantic."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from portal.common.units import LEAD, PERIOD, UNITS, add_period, parse_lead

from .texts import Text


FARTHEST = timedelta(days=366)
LONGEST = "20y"  # a period of a file
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
Told = Literal["actor", "chair", "desk"]


def _is_in_reach(period: str) -> str:
    """Days are counted with it: one of 9999 years has no last day."""
    sample = date(2027, 6, 16)
    try:
        beyond = add_period(sample, period) > add_period(sample, LONGEST)
    except (OverflowError, ValueError):  # no calendar goes so far
        beyond = True
    if beyond:
        raise ValueError(f"period {period!r} is too long; write at most {LONGEST!r}")
    return period


Period = Annotated[str, Field(pattern=PERIOD), AfterValidator(_is_in_reach)]


class Reminder(BaseModel):
    """A message before (`-3wd`), on (`0d`) or after (`+5d`) the last day of a clock.

    `to`: who must act, the chair of their committee where they have one, the desk. On the last day
    all of them are told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[str, Field(pattern=LEAD)]
    to: Annotated[tuple[Told, ...], Field(min_length=1)] = ("actor",)

    @model_validator(mode="after")
    def is_within_a_year(self) -> "Reminder":
        sample = date(2027, 6, 16)
        if abs(self.day(sample) - sample) > FARTHEST:
            raise ValueError(f"reminder {self.at!r}: more than {FARTHEST.days} days away")
        return self

    @property
    def told(self) -> frozenset[Told]:
        return frozenset(get_args(Told)) if self.at == "0d" else frozenset(self.to)

    @property
    def before(self) -> bool:
        """Whether it speaks of a clock that still runs: its last day is one of its days."""
        return not self.at.startswith("+")

    @property
    def lead(self) -> tuple[int, str]:
        """Days before (negative) or after the last day, and their unit."""
        return parse_lead(self.at)

    def day(self, last: date) -> date:
        """The day on which it is given, by the last day of the clock."""
        count, unit = self.lead
        return UNITS[unit].later(last, count)


class Authority(BaseModel):
    """The authority outside the counter that decides, as sentences name it.

    French contracts: with its article in `name`, after “de” in `of`, after “à” in `to`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Slug
    short: Text
    full: Text
    name: Text
    of: Text
    to: Text
    application_example: Text | None = None  # of the number that it gives to an application
    number_pattern: str | None = None  # of the number of its authorisations
    number_example: Text | None = None

    @field_validator("number_pattern")
    @classmethod
    def is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @property
    def words(self) -> dict[str, Text]:
        """For sentences that name it: `%(of)s`."""
        return {"short": self.short, "name": self.name, "of": self.of, "to": self.to}


# Of a procedure that names none.
UNNAMED = Authority(
    code="authority",
    short=Text("autorité", "authority"),
    full=Text("autorité compétente", "competent authority"),
    name=Text("l’autorité", "the authority"),
    of=Text("de l’autorité", "of the authority"),
    to=Text("à l’autorité", "to the authority"),
)


class Appeal(BaseModel):
    """A way to contest an outcome, told with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Text  # Recours gracieux
    before: Text  # devant qui
    period: Period
    source: Annotated[str, Field(min_length=1)]


# Every sort of week and of month is among the days of two years, one of them a leap year.
_DAYS = tuple(date(2027, 1, 1) + timedelta(days=n) for n in range(731))


@cache
def begins_after(reminder: Reminder, period: str) -> bool:
    """Whether a clock of this length may begin only after the day of its reminder: never said."""
    return any(reminder.day(add_period(start, period)) < start for start in _DAYS)


def announcements(reminders: Iterable[Reminder]) -> int:
    """On how many days, at least, a clock says that it will end: two on one day are one message."""
    before = [one for one in reminders if one.before]
    return min(len({one.day(last) for one in before}) for last in _DAYS)
