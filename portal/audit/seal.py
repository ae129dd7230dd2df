"""The sealer: appends what was recorded since to the chain.

One row (`AuditHead`) is locked for the length of a batch: whoever holds it is the sealer, a second
one finds it taken and leaves. A killed sealer's batch is rolled back by the database, lock too.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from .chain import GENESIS, seal_hash
from .models import AuditEvent, AuditHead, AuditSeal


logger = logging.getLogger(__name__)

BATCH = 500
# Events are looked for this far behind the last sealed one: no transaction stays open for a day.
LOOK_BEHIND = timedelta(days=1)


def _locked_head() -> AuditHead | None:
    """The head row, locked; None while another sealer holds it."""
    head = AuditHead.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    if head is None:
        # First run, or taken: inserting waits for a concurrent first run, then finds its row.
        _, created = AuditHead.objects.get_or_create(pk=1, defaults={"hash": GENESIS})
        if created:
            head = AuditHead.objects.select_for_update().get(pk=1)
    return head


def _pending(through: datetime | None, *, everything: bool) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.filter(seal__isnull=True)
    if through is not None and not everything:
        events = events.filter(recorded_at__gte=through - LOOK_BEHIND)
    return events


def has_pending() -> bool:
    """Whether something waits, without taking the lock."""
    through = AuditHead.objects.filter(pk=1).values_list("sealed_through", flat=True).first()
    return _pending(through, everything=False).exists()


def _seal_batch(*, everything: bool) -> int:
    with transaction.atomic():
        head = _locked_head()
        if head is None:
            return 0
        waiting = _pending(head.sealed_through, everything=everything)
        events = list(waiting.order_by("recorded_at", "id")[:BATCH])
        if not events:
            return 0
        now = timezone.now()
        # Days never go back, even if the machine's clock does.
        day = max(now, head.sealed_at or now).astimezone(UTC).date()
        seals = []
        for event in events:
            position = head.position + 1
            try:
                digest = seal_hash(position, day.isoformat(), head.hash, event.content())
            except Exception:  # `audit_verify` names it: it stays without a seal
                logger.exception("event %s cannot be sealed", event.pk)
                continue
            seals.append(
                AuditSeal(
                    position=position,
                    event=event,
                    segment=day,
                    previous=head.hash,
                    hash=digest,
                    sealed_at=now,
                )
            )
            head.position, head.hash = position, digest
        AuditSeal.objects.bulk_create(seals, batch_size=100)
        latest = events[-1].recorded_at
        head.sealed_through = max(latest, head.sealed_through or latest)
        head.sealed_at = now
        head.save()
        return len(seals)


def seal_pending(*, everything: bool = False) -> int:
    """Seal what is not yet; number of events sealed.

    `everything` also looks for events older than a day behind the chain's end (a restored backup).
    """
    total = 0
    while sealed := _seal_batch(everything=everything):
        total += sealed
        if sealed < BATCH:
            break
    return total


def log_head() -> None:
    """Write the end of the chain to the log, kept elsewhere: for `audit_verify --expect`."""
    head = AuditHead.objects.filter(pk=1).first()
    position, digest = (head.position, head.hash) if head else (0, GENESIS)
    logger.info("audit head %s:%s", position, digest)
