"""Waking the reconciler and telling the rooms above. Truth is in rows; what is sent is a hint."""

import logging
import time
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.dispatch import Signal
from django.utils import timezone
from kombu.exceptions import ChannelError, KombuError

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
QUIET_SECONDS = 10.0  # without hints after one that failed; beat sweeps every 5 s
SOCKET_SECONDS = 2.0
_quiet_until = 0.0  # monotonic


def wake(workspace_or_request_id: UUID) -> None:
    """Have a workspace taken up at once; in the caller's transaction if there is one.

    Never raises for a broker: beat finds `next_reconcile_at` within 5 s anyway.
    """
    found = Workspace.objects.filter(
        Q(pk=workspace_or_request_id) | Q(request_id=workspace_or_request_id)
    )
    for workspace_id in found.values_list("pk", flat=True):
        Workspace.objects.filter(pk=workspace_id).update(next_reconcile_at=timezone.now())
        transaction.on_commit(partial(hint, workspace_id))


def _send(workspace_id: UUID) -> None:
    from requests_app.provisioning.tasks import reconcile

    arguments, options = (str(workspace_id),), reconcile.app.conf.broker_transport_options or {}
    if "socket_timeout" not in options:
        reconcile.apply_async(arguments, retry=False)
        return
    # A worker waits long for its messages on the same settings; a person must not.
    with reconcile.app.connection_for_write() as connection:
        connection.transport_options = options | {"socket_timeout": SOCKET_SECONDS}
        reconcile.apply_async(arguments, connection=connection, retry=False)


def hint(workspace_id: UUID) -> None:
    """Send the task; an unreachable broker is logged and forgotten.

    Once it failed, this process sends nothing for a while: whoever suspends an organisation with
    fifty studies waits for the broker once, not fifty times.
    """
    global _quiet_until  # one number: a race costs one more try
    if time.monotonic() < _quiet_until:
        return
    try:
        _send(workspace_id)
    except (KombuError, ChannelError, OSError) as error:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        logger.warning("broker unreachable, beat will do: %s", type(error).__name__)


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
