"""Dropping the days of the log that have reached their term (E29: kept at least a year).

The only product code that lifts the triggers, in one transaction that also records what it dropped:
the last position and its hash stay in the chain, so that `audit_verify` accepts the new beginning.
"""

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone

from . import triggers
from .chain import Walk, walk
from .models import AuditEvent, AuditHead, AuditSeal, AuditText
from .record import record
from .seal import seal_pending
from .verify import stored_links


MINIMUM_DAYS = 365
_CHUNK = 500


class ChainBroken(RuntimeError):
    """The days to drop do not verify: dropping them would destroy the evidence."""


@dataclass(frozen=True, slots=True)
class Dropped:
    before: date
    events: int
    last_position: int


def limit() -> date | None:
    """First day kept, None when everything is kept. Raises ImproperlyConfigured below a year."""
    days = settings.AUDIT_RETENTION_DAYS
    if not days:
        return None
    if days < MINIMUM_DAYS:
        raise ImproperlyConfigured(
            f"GUICHET_AUDIT_RETENTION_DAYS: {days} is less than {MINIMUM_DAYS}"
        )
    return timezone.now().astimezone(UTC).date() - timedelta(days=days)


def drop_before(day: date) -> Dropped | None:
    """Drop the days sealed before `day`. Raises ChainBroken, ValueError under a year."""
    if day > timezone.now().astimezone(UTC).date() - timedelta(days=MINIMUM_DAYS):
        raise ValueError(f"the log is kept at least {MINIMUM_DAYS} days")
    with transaction.atomic(durable=True):
        AuditHead.objects.select_for_update().get_or_create(pk=1)
        last = AuditSeal.objects.filter(segment__lt=day).order_by("-position").first()
        if last is None:
            return None
        faults = list(walk(stored_links(last.position), Walk()))
        if faults:
            raise ChainBroken(str(faults[0]))
        with triggers.lifted(connection):
            count = _delete_through(last.position)
        record(
            "audit.retain",
            by=None,
            data={
                "before": day.isoformat(),
                "events": count,
                "last_position": last.position,
                "head": last.hash,
            },
        )
        seal_pending()
    return Dropped(day, count, last.position)


def _delete_through(position: int) -> int:
    count = 0
    while True:
        ids = list(
            AuditSeal.objects.filter(position__lte=position)
            .order_by("position")
            .values_list("event_id", flat=True)[:_CHUNK]
        )
        if not ids:
            return count
        AuditText.objects.filter(event_id__in=ids).delete()
        AuditSeal.objects.filter(event_id__in=ids).delete()
        AuditEvent.objects.filter(id__in=ids).delete()
        count += len(ids)
