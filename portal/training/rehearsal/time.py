"""Legal time of a procedure that is played: it begins on a day, then goes on to what is awaited."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from portal.common.calendar import PARIS, legal_now
from portal.common.models import TrainingClock
from portal.common.units import is_working_day


MORNING = time(9)
SOON = timedelta(minutes=1)  # after an end, its clock may speak


def begin(day: date) -> None:
    """Also backwards: the file played before is over."""
    go_to(datetime.combine(day, MORNING, tzinfo=PARIS))


def go_to(instant: datetime) -> None:
    offset = instant - timezone.now()
    TrainingClock.objects.update_or_create(pk=1, defaults={"offset": offset})


def next_working_morning() -> datetime:
    day = legal_now().astimezone(PARIS).date() + timedelta(days=1)
    while not is_working_day(day):
        day += timedelta(days=1)
    return datetime.combine(day, MORNING, tzinfo=PARIS)
