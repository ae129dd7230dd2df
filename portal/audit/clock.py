"""Each move of the training clock is an event."""

from datetime import timedelta

from django.dispatch import receiver

from portal.common.signals import clock_moved

from .record import record


@receiver(clock_moved)
def record_move(*, before: timedelta, after: timedelta, **_kwargs: object) -> None:
    record(
        "clock.advance",
        by=None,
        data={
            "before_seconds": int(before.total_seconds()),
            "after_seconds": int(after.total_seconds()),
        },
    )
