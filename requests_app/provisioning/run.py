"""Taking a workspace up, and what people may ask of one: hold, release, retry.

`advance()` is the only way to the reconciler. It holds a lease for a few seconds' work, then gives
it back with the time to come again; beat finds what nobody holds.
"""

import logging
import re
import secrets
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import AccessRequest, Grant, Workspace
from requests_app.provisioning import labels, plan
from requests_app.provisioning.backends.base import Backend, BackendError
from requests_app.provisioning.backends.scaleway import ScalewayBackend, ScalewayConfig
from requests_app.provisioning.facts import snapshot
from requests_app.provisioning.hints import announce, hint, wake
from requests_app.provisioning.lease import Lease, LeaseLost
from requests_app.provisioning.locks import lock_study
from requests_app.provisioning.moves import move
from requests_app.provisioning.reconcile import CLOSING_TELL_AFTER, Outcome, step


__all__ = ["advance", "backend", "hold", "release", "retry", "wake", "workspace_for"]

logger = logging.getLogger(__name__)

BUDGET = 20.0  # seconds of work under one lease before others get their turn
INTERNAL_RETRY = 60.0
PATIENCE = 2.0  # waits up to this many seconds are slept through, longer ones given back


def backend() -> Backend:
    """The provider as configured for this process. Raises Permanent on a wrong configuration."""
    config = settings.SCW
    return ScalewayBackend(
        ScalewayConfig(
            access_key=config["access_key"],
            secret_key=config["secret_key"],
            organization_id=config["organization_id"],
            region=config["region"],
            api_url=config["api_url"],
            s3_endpoint=config["s3_endpoint"],
            portal_application_id=config["portal_application_id"],
        )
    )


def advance(
    workspace_id: UUID,
    *,
    make_backend: Callable[[], Backend] = backend,
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
        provider = make_backend()
        provider.before_call = lease.check
        while True:
            seen = rows.values_list("next_reconcile_at", flat=True).get()
            outcome = step(lease, provider)
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
    except BackendError as error:  # the provider as configured: SCW_* of this process
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


def workspace_for(request: AccessRequest) -> Workspace:
    """The request's workspace, made when there is none: a row, nothing at the provider. It gives no
    right: the reconciler acts only where a permit has grants."""
    found = Workspace.objects.filter(request=request).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Workspace.objects.create(request=request, slug=slug_for(request))
    except IntegrityError:  # made at the same instant by another
        return Workspace.objects.get(request=request)


def slug_for(request: AccessRequest) -> str:
    """A bucket-safe name with an unguessable end: bucket names are global and their list public."""
    number = request.number or str(request.pk)[:8]
    plain = unicodedata.normalize("NFKD", number).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:22]
    return f"{short}-{secrets.token_hex(8)}"


# --- What an operator may ask -------------------------------------------------------------------


def hold(workspace: Workspace, *, by: User, reason: str) -> bool:
    """Stop what opens until released; what closes goes on. False when already held."""
    with transaction.atomic():
        held = Workspace.objects.filter(pk=workspace.pk, held_at__isnull=True).update(
            held_at=timezone.now(), hold_reason=reason
        )
        if held:
            record("workspace.hold", by=by, on=workspace, about=workspace.request_id, text=reason)
    workspace.refresh_from_db()
    return bool(held)


def release(workspace: Workspace, *, by: User) -> bool:
    """Give a held workspace back to the reconciler. False when it was not held."""
    with transaction.atomic():
        released = Workspace.objects.filter(pk=workspace.pk, held_at__isnull=False).update(
            held_at=None, hold_reason=""
        )
        if released:
            record("workspace.release", by=by, on=workspace, about=workspace.request_id)
            wake(workspace.pk)
    workspace.refresh_from_db()
    return bool(released)


def retry(workspace: Workspace, *, by: User) -> int:
    """Try again now, failed grants shown as on their way; how many there were."""
    with transaction.atomic():
        lock_study(workspace.pk)
        failed = list(Grant.objects.filter(workspace=workspace, state="failed"))
        for grant in failed:
            opening = grant.wanted == Grant.Wanted.OPEN
            move(grant, "retry_opening" if opening else "retry_closing", by=by)
        Workspace.objects.filter(pk=workspace.pk).update(
            tries=0, failing_since=None, observed_at=None, paces={}
        )
        record("workspace.retry", by=by, on=workspace, about=workspace.request_id)
        wake(workspace.pk)
    return len(failed)
