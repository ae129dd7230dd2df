"""Moving time in tests.

Legal time (due dates, silences, permit dates) moves by the training row, as in the demo. Real time
(sessions, tokens, signatures, leases) moves with time-machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import time_machine

from portal.common import calendar
from portal.common.models import TrainingClock


def legal_advance(amount: timedelta | str) -> datetime:
    """Move legal time forward by a duration or a period (`"11d"`, `"7wd"`, `"1m"`); return it.

    A period goes to the same time of day on its last day. Nothing due is run: call the clock task.
    """
    before = calendar.legal_now()
    if isinstance(amount, str):
        local = before.astimezone(calendar.PARIS)
        target = datetime.combine(
            calendar.add_period(local.date(), amount), local.timetz().replace(tzinfo=None)
        )
        amount = target.replace(tzinfo=calendar.PARIS) - local
    if amount < timedelta():
        raise ValueError("legal time only moves forward")
    TrainingClock.objects.update_or_create(
        pk=1, defaults={"offset": calendar.legal_offset() + amount}
    )
    return calendar.legal_now()


def legal_advance_to(when: datetime | date) -> datetime:
    """Move legal time forward to an instant, or to noon (Paris) of a day."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, time(12), tzinfo=calendar.PARIS)
    return legal_advance(when - calendar.legal_now())


@contextmanager
def real_time(when: datetime | date, *, tick: bool = True) -> Iterator[time_machine.Traveller]:
    """Run a block at another real time; a day means noon in Paris. `tick=False` stops the clock."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, time(12), tzinfo=calendar.PARIS)
    with time_machine.travel(when.astimezone(UTC), tick=tick) as traveller:
        yield traveller
