"""One turn of a workspace under a lease.

`advance()` is the only way to the reconciler. It holds a lease for a few seconds' work, then gives
it back with the time to come again; beat finds what nobody holds.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import Workspace
from requests_app.provisioning import labels, plan
from requests_app.provisioning.facts import snapshot
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.providers.configured import provider
from requests_app.provisioning.providers.errors import ProviderError
from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.waking import hint
from requests_app.provisioning.worker.lease import Lease, LeaseLost
from requests_app.provisioning.worker.reconcile import CLOSING_TELL_AFTER, Outcome, step


logger = logging.getLogger(__name__)


BUDGET = 20.0  # seconds of work under one lease before others get their turn
INTERNAL_RETRY = 60.0
PATIENCE = 2.0  # waits up to this many seconds are slept through, longer ones given back


def advance(
    workspace_id: UUID,
    *,
    make_backend: Callable[[], Provider] = provider,
    budget: float = BUDGET,
) -> bool:
    """Work on one workspace until it waits, or `budget` seconds. False when another holds it."""
    lease = Lease.take(workspace_id)
    if lease is None:
        return False
    started = time.monotonic()
    rows = Workspace.objects.filter(pk=workspace_id)
    seen = rows.values_list("next_reconcile_at", flat=True).get()
    try:
        backend = make_backend()
        backend.before_call = lease.check
        while True:
            seen = rows.values_list("next_reconcile_at", flat=True).get()
            outcome = step(lease, backend)
            spent = time.monotonic() - started
            if outcome.kind == "did" and spent < budget:
                continue
            if outcome.kind == "wait" and outcome.seconds <= PATIENCE and spent < budget:
                time.sleep(outcome.seconds)
                continue
            _give_back(lease, outcome, seen)
            return True
    except LeaseLost:
        logger.warning("workspace %s: lease %d lost", workspace_id, lease.generation)
        _say_lost(lease)
        return True
    except ProviderError as error:  # the provider as configured: settings of this process
        _say_broken(lease, seen, error, code=error.code)
        return True
    except Exception as error:  # ours to mend: visible to the operator, tried again in a minute
        _say_broken(lease, seen, error, code="internal")
        raise


def _say_lost(lease: Lease) -> None:
    """A pass longer than its lease never ends, however often it is taken up: counted, and told when
    it goes on. Not where another has finished since: then nothing is left to say."""
    now = timezone.now()
    with transaction.atomic():
        row = Workspace.objects.select_for_update().filter(pk=lease.workspace_id).first()
        if row is None:
            return
        held = row.lease_until is not None and row.lease_until > now
        if row.lease_generation != lease.generation and not held:
            return
        Workspace.objects.filter(pk=row.pk).update(
            failure_code="lease",
            last_error=_("Un passage a duré plus longtemps que son bail ; il est repris."),
            failing_since=Coalesce("failing_since", now),
            tries=F("tries") + 1,
        )
        if row.tries + 1 >= CLOSING_TELL_AFTER:
            closing = plan.closing(snapshot(row.pk).facts)
            announce("workspace_failed", row.pk, code="lease", closing=closing)


def _say_broken(lease: Lease, seen: datetime | None, error: Exception, *, code: str) -> None:
    """Counted and shown as any failure is; operators are told when it keeps something open."""
    with suppress(LeaseLost), lease.write():
        Workspace.objects.filter(pk=lease.workspace_id).update(
            failure_code=code,
            last_error=labels.failure(error, action="configure"),
            failing_since=Coalesce("failing_since", timezone.now()),
            tries=F("tries") + 1,
        )
        if plan.closing(snapshot(lease.workspace_id).facts):
            announce("workspace_failed", lease.workspace_id, code=code, closing=True)
    lease.release(next_at=timezone.now() + timedelta(seconds=INTERNAL_RETRY), seen=seen)


def _give_back(lease: Lease, outcome: Outcome, seen: datetime | None) -> None:
    now = timezone.now()
    if outcome.kind == "idle":
        next_at = outcome.until
    else:
        next_at = now + timedelta(seconds=outcome.seconds)
    lease.release(next_at=next_at, seen=seen)
    if outcome.kind == "did":
        hint(lease.workspace_id)
