"""Years of a variable or table drawn as bars: geometry only, the template draws."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


WIDTH = 240  # units of the drawing


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars of the years with data from `first` to `last`."""

    first: int
    last: int
    bars: list[Bar]
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Years:
    """Years in which any of several subjects exists, read like one of them."""

    valid_from: int | None
    valid_until: int | None
    missing_years: list[int]

    @classmethod
    def of(cls, subjects: Iterable[Any]) -> "Years | None":
        """None when none of them knows a year. Those that know none are left aside."""
        known = [s for s in subjects if s.valid_from or s.valid_until or s.missing_years]
        if not known:
            return None
        starts, ends = [s.valid_from for s in known], [s.valid_until for s in known]
        first = None if None in starts else min(starts)
        last = None if None in ends else max(ends)
        gaps = sorted({year for s in known for year in s.missing_years})
        between = range(first, last + 1) if first and last else gaps
        missing = [year for year in between if not any(s.exists_in(year) for s in known)]
        return cls(first, last, missing)

    def exists_in(self, year: int) -> bool:
        after = self.valid_from is None or year >= self.valid_from
        before = self.valid_until is None or year <= self.valid_until
        return after and before and year not in self.missing_years


def timeline(subject: Any, first: int, last: int, known_until: int | None = None) -> Timeline:
    """`subject` answers `exists_in(year)`. An unknown bound is taken as open.

    Nothing is drawn after `known_until`, the year of the description: later ones are not its word.
    """
    last = max(first, last)
    known = last if known_until is None else known_until
    step = WIDTH / (last - first + 1)
    bars: list[Bar] = []
    start: int | None = None
    for year in range(first, last + 2):
        there = year <= min(last, known) and subject.exists_in(year)
        if there and start is None:
            start = year
        if not there and start is not None:
            bars.append(Bar(round((start - first) * step, 1), round((year - start) * step, 1)))
            start = None
    return Timeline(first, last, bars)


def bounds(subjects: Sequence[Any], *, today: int) -> tuple[int, int]:
    """First and last year to draw for all the subjects, so that their lines compare."""
    known = [y for s in subjects for y in (s.valid_from, s.valid_until, *s.missing_years) if y]
    open_ended = any(s.valid_until is None for s in subjects)
    first = min(known, default=today - 10)
    last = max([*known, today] if open_ended else known, default=today)
    return first, max(first, last)
