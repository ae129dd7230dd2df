"""Waking the reconciler. Truth is in rows; what is sent is a hint."""

import logging
import time
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import ChannelError, KombuError

from requests_app.models import Workspace


logger = logging.getLogger(__name__)


RECONCILE = "requests_app.provisioning.tasks.reconcile"  # by name: its room is above this one
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
    arguments, options = (str(workspace_id),), current_app.conf.broker_transport_options or {}
    if "socket_timeout" not in options:
        current_app.send_task(RECONCILE, arguments, retry=False)
        return
    # A worker waits long for its messages on the same settings; a person must not.
    with current_app.connection_for_write() as connection:
        connection.transport_options = options | {"socket_timeout": SOCKET_SECONDS}
        current_app.send_task(RECONCILE, arguments, connection=connection, retry=False)


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
