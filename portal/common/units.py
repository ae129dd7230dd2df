"""Units of a period: working days, days, weeks, months, years. Pure: no Django.

One row a unit; schema, calendar, clocks and docs read `UNITS`, its words for readers are in
`requests_app.procedures.words`.
"""

import calendar as _calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import holidays


@cache
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("FR", years=year))


def is_working_day(day: date) -> bool:
    """Monday to Friday, French public holidays excluded."""
    return day.weekday() < 5 and day not in _holidays(day.year)


def _any_day(_day: date) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Unit:
    """`days`: how many counted days one unit is, with `counts` for those that count; a unit of
    `months` has neither. `english`: its plural, for the generated documentation.
    """

    code: str
    english: str
    days: int = 0
    counts: Callable[[date], bool] = _any_day
    months: int = 0

    @property
    def pauses(self) -> bool:
        """Whether a clock in this unit can stop and go on with the days that are left."""
        return self.days == 1

    def later(self, start: date, count: int) -> date:
        """The day `count` units after `start`, which is not counted; before it when negative.

        The last day of a shorter month stands for one that it lacks.
        """
        if self.months:
            months = start.month - 1 + count * self.months
            year, month = start.year + months // 12, months % 12 + 1
            return date(year, month, min(start.day, _calendar.monthrange(year, month)[1]))
        if self.counts is _any_day:
            return start + timedelta(days=count * self.days)
        day, left, step = start, abs(count) * self.days, timedelta(days=1 if count > 0 else -1)
        while left:
            day += step
            left -= self.counts(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Days that count strictly between two days; of a unit whose clocks can stop."""
        day, count = first + timedelta(days=1), 0
        while day < last:
            count += self.counts(day)
            day += timedelta(days=1)
        return count


UNITS = {
    unit.code: unit
    for unit in (
        Unit("wd", "working days", days=1, counts=is_working_day),
        Unit("d", "days", days=1),
        Unit("w", "weeks", days=7),
        Unit("m", "months", months=1),
        Unit("y", "years", months=12),
    )
}
_CODES = "|".join(UNITS)
# Of a duration, and of the days that a reminder leads or follows by.
PERIOD = rf"^[1-9][0-9]{{0,3}}({_CODES})$"
_OF_DAYS = "|".join(code for code, unit in UNITS.items() if unit.days)
LEAD = rf"^(0d|[-+][1-9][0-9]{{0,2}}({_OF_DAYS}))$"
LEAD_PERIOD = rf"^[1-9][0-9]{{0,2}}({_OF_DAYS})$"
_PERIOD = re.compile(r"(?P<count>[-+]?[0-9]{1,4})(?P<unit>[a-z]+)")


def parse_period(text: str) -> tuple[int, str]:
    """`"7wd"` → `(7, "wd")`; units: wd working days, d days, w weeks, m months, y years.

    Raises ValueError on anything else.
    """
    if re.fullmatch(PERIOD, text) is None:
        raise ValueError(f"not a period: {text!r} (expected e.g. 7wd, 10d, 2w, 1m, 1y)")
    return _parts(text)


def parse_lead(text: str) -> tuple[int, str]:
    """`"-3wd"` → `(-3, "wd")`; before a day (negative), on it (0) or after. Raises ValueError."""
    if re.fullmatch(LEAD, text) is None:
        raise ValueError(f"not a lead: {text!r} (expected e.g. -3wd, 0d, +1w)")
    return _parts(text)


def _parts(text: str) -> tuple[int, str]:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match["count"]), match["unit"]


def add_period(start: date, period: str) -> date:
    """Last day of a period that starts (day not counted) on `start`. Raises ValueError."""
    count, unit = parse_period(period)
    return UNITS[unit].later(start, count)
