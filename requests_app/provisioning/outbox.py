"""Telling the rooms above, after the commit and at least once: rows that wait for their signal."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone

from portal.common import sweeps
from requests_app.models import Grant, Outbox, Permit, Workspace
from requests_app.provisioning import signals


logger = logging.getLogger(__name__)


TOPICS: dict[str, tuple[Signal, Any, str]] = {
    "grant_changed": (signals.grant_changed, Grant, "grant"),
    "workspace_failed": (signals.workspace_failed, Workspace, "workspace"),
    "extract_staged": (signals.extract_staged, Workspace, "workspace"),
    "drift_found": (signals.drift_found, Workspace, "workspace"),
    "permit_expiring": (signals.permit_expiring, Permit, "permit"),
    "key_ready": (signals.key_ready, Grant, "grant"),
    "key_unrevealed": (signals.key_unrevealed, Grant, "grant"),
    "key_expiring": (signals.key_expiring, Grant, "grant"),
}
RESEND_AFTER = timedelta(seconds=10)
GIVE_UP_AFTER = timedelta(days=1)


def announce(topic: str, object_id: UUID, **data: Any) -> None:
    """Have a signal sent after the commit, at least once even if this process dies.

    Raises LookupError for a topic that nobody consumes: its row would wait for ever.
    """
    if topic not in TOPICS:
        raise LookupError(f"no consumer of {topic!r}")
    row = Outbox.objects.create(topic=topic, object_id=object_id, data=data)
    transaction.on_commit(partial(deliver, row.pk))


def deliver(outbox_id: int) -> None:
    """Send one announcement; a receiver that fails leaves it for the next sweep."""
    row = Outbox.objects.filter(pk=outbox_id, done_at__isnull=True).first()
    if row is None or row.topic not in TOPICS:
        return
    Outbox.objects.filter(pk=outbox_id).update(tried_at=timezone.now())
    signal, model, name = TOPICS[row.topic]
    target = model.objects.filter(pk=row.object_id).first()
    if target is not None:
        for receiver, answer in signal.send_robust(sender=model, **{name: target}, **row.data):
            if isinstance(answer, Exception):
                logger.error("%s: %r failed", row.topic, receiver, exc_info=answer)
                return
    Outbox.objects.filter(pk=outbox_id).update(done_at=timezone.now())


def resend() -> int:
    """Announcements that a dead process or a failing receiver left; how many were tried."""
    now = timezone.now()
    left = Outbox.objects.filter(
        topic__in=TOPICS,
        done_at__isnull=True,
        created_at__lt=now - RESEND_AFTER,
        created_at__gt=now - GIVE_UP_AFTER,
    )
    # Those that failed before come last: fifty that always fail keep no other waiting.
    by_turn = left.order_by(F("tried_at").asc(nulls_first=True), "pk")
    rows = list(by_turn.values_list("pk", flat=True)[:50])
    sweeps.each(rows, deliver, what="announcements")
    return len(rows)
