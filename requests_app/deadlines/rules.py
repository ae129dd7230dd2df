"""When a clock ends. Pure: a clock of the procedure, instants in, an instant out.

Rules of counting (T3). The day of the start event is not counted and a period ends with its last
day (`portal.common.calendar`). A day on which the clock stopped or started again is not counted:
what is left of the period runs again from the day of the resumption, like a new start. An extension
runs from the day on which the first period ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from portal.common.calendar import PARIS, deadline, end_of_day
from portal.common.units import UNITS, add_period, parse_period
from requests_app.procedures.parts import Clock


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop of the clock; `ended_at` None: still stopped."""

    started_at: datetime
    ended_at: datetime | None


def _day(instant: datetime) -> date:
    return instant.astimezone(PARIS).date()


def due_at(
    clock: Clock,
    *,
    start: datetime | None,
    urgent: bool = False,
    extended: bool = False,
    pauses: Iterable[Pause] = (),
    permit_end: datetime | None = None,
) -> datetime | None:
    """Last instant of the clock, or None while it does not run (no start event, or stopped).

    A stopped clock has no due date: nothing is due from the desk while the applicant completes.
    """
    if clock.start == "permit_end":
        return permit_end
    if start is None or clock.period is None:
        return None
    period = clock.urgent_period if urgent and clock.urgent_period else clock.period
    end = _with_pauses(start, period, sorted(pauses, key=lambda pause: pause.started_at))
    if end is not None and extended and clock.extension is not None:
        end = end_of_day(add_period(_day(end), clock.extension.by))
    return end


def _with_pauses(start: datetime, period: str, pauses: list[Pause]) -> datetime | None:
    if not pauses:
        return deadline(start, period)
    left, unit = parse_period(period)
    since = _day(start)
    for pause in pauses:
        if pause.ended_at is None:
            return None
        left = max(left - UNITS[unit].between(since, _day(pause.started_at)), 1)
        since = _day(pause.ended_at)
    return end_of_day(add_period(since, f"{left}{unit}"))
