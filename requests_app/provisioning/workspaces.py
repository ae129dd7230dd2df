"""A request’s workspace, and what people may ask of one: hold, release, retry."""

import re
import secrets
import unicodedata

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import AccessRequest, Extract, Grant, Workspace
from requests_app.provisioning.locks import lock_study
from requests_app.provisioning.moves import move
from requests_app.provisioning.waking import wake


def workspace_for(request: AccessRequest) -> Workspace:
    """The request's workspace, made when there is none: rows, nothing at the provider. It gives no
    right: the reconciler acts only where a permit has grants."""
    found = Workspace.objects.filter(request=request).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            made = Workspace.objects.create(request=request, slug=slug_for(request))
            Extract.objects.create(workspace=made)
            return made
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
