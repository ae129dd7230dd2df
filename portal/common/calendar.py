"""Legal time, working days and periods.

Legal clocks count in Europe/Paris days with French public holidays (T3: seven units in one
procedure). Periods exclude the day of the start event and end at the last instant of the last day.
A period in months ends on the day of the same number, or the last day of the month without one.
"""

import logging
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from .signals import clock_moved
from .units import add_period, is_working_day


PARIS = ZoneInfo("Europe/Paris")


def legal_offset() -> timedelta:
    """Offset of training time; zero, and no query, outside training."""
    if not settings.TRAINING:
        return timedelta()
    sql, params = _offset_query(connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    if row is None:
        return timedelta()
    [offset] = row  # a number where the database has no type for a duration
    return offset if isinstance(offset, timedelta) else timedelta(microseconds=offset)


@cache
def _offset_query(_vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The same at each of the many times that a page asks what time it is: written once."""
    from .models import TrainingClock  # schedules are read before models are loaded

    query = TrainingClock.objects.filter(pk=1).order_by("pk").values_list("offset")[:1].query
    sql, params = query.get_compiler(connection=connection).as_sql()
    return sql, tuple(params)


def legal_now() -> datetime:
    """The instant that due dates, silences and permit dates are judged at (UTC, aware)."""
    return timezone.now() + legal_offset()


def legal_today() -> date:
    """The Paris day of `legal_now()`."""
    return legal_now().astimezone(PARIS).date()


def end_of_day(day: date) -> datetime:
    """Last instant (one microsecond before midnight, Paris) of a day."""
    return datetime.combine(day, time.max, tzinfo=PARIS)


def deadline(start: datetime, period: str) -> datetime:
    """Instant at which a period started by an event at `start` ends."""
    return end_of_day(add_period(start.astimezone(PARIS).date(), period))


def working_days_left(until: datetime, *, now: datetime | None = None) -> int:
    """Working days after today up to and including the day of `until`; 0 when past."""
    day = (now or legal_now()).astimezone(PARIS).date()
    last = until.astimezone(PARIS).date()
    left = 0
    while day < last:
        day += timedelta(days=1)
        left += is_working_day(day)
    return left


# --- the training clock
logger = logging.getLogger(__name__)
_DURATION = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>h|min)")
_when_moved: list[Callable[[], object]] = []


class NotTraining(RuntimeError):
    """Legal time is real time outside training."""


def on_clock_moved(run: Callable[[], object]) -> Callable[[], object]:
    """Register what runs after legal time has moved (`fire_due`, a sweep); a decorator too."""
    if run not in _when_moved:
        _when_moved.append(run)
    return run


def moment_after(start: datetime, amount: str) -> datetime:
    """`"2h"`, `"30min"` after an instant; `"11d"`, `"7wd"`, `"1m"`: same hour on the last day.

    Raises ValueError on anything else.
    """
    if match := _DURATION.fullmatch(amount):
        count = int(match["count"])
        elapsed = timedelta(hours=count) if match["unit"] == "h" else timedelta(minutes=count)
        return start.astimezone(UTC) + elapsed  # in UTC: Paris hours are not all as long
    local = start.astimezone(PARIS)
    hour = local.time()
    return datetime.combine(add_period(local.date(), amount), hour, tzinfo=PARIS)


def advance_clock(amount: str) -> datetime:
    """Move legal time forward by a period and announce it; the new legal time.

    Nothing due is run: see `run_what_is_due`. Raises NotTraining, ValueError.
    """
    if not settings.TRAINING:
        raise NotTraining("legal time moves in training only (GUICHET_TRAINING=1)")
    from .models import TrainingClock  # as above

    with transaction.atomic():
        row, _ = TrainingClock.objects.select_for_update().get_or_create(
            pk=1, defaults={"offset": timedelta()}
        )
        before: timedelta = row.offset
        now = timezone.now()
        after = moment_after(now + before, amount) - now
        row.offset = max(after, before)  # forward only
        row.save()
        clock_moved.send(sender=TrainingClock, before=before, after=row.offset)
        offset: timedelta = row.offset
    return now + offset


def run_what_is_due() -> list[tuple[str, Exception | None]]:
    """Run what rooms registered with `on_clock_moved`, in turn: name and failure of each."""
    results: list[tuple[str, Exception | None]] = []
    for run in _when_moved:
        name = f"{run.__module__}.{getattr(run, '__qualname__', type(run).__name__)}"
        try:
            run()
        except Exception as error:
            logger.exception("%s failed after the clock moved", name)
            results.append((name, error))
        else:
            results.append((name, None))
    return results
