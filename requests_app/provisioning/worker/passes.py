"""What every step works with: its pass, its intent row committed before a call, its marker.

Nothing here decides what comes next: `plan.next_action` does, from the rows that steps write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import record
from requests_app.models import CloudResource, Grant, Workspace
from requests_app.provisioning.facts import READY, Snapshot
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.port import (
    AlreadyExists,
    Backend,
    Found,
    NotFound,
    Transient,
)
from requests_app.provisioning.worker.lease import Lease


INTENDED, REMOVED = "intended", "removed"


class Wait(Exception):
    """Nothing to do for `seconds`; not a failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


@dataclass(slots=True)
class Pass:
    """What a step works with: one lease, one provider, one reading of the rows."""

    lease: Lease
    backend: Backend
    snap: Snapshot

    @property
    def workspace(self) -> Workspace:
        return self.snap.workspace

    def grant(self, action: Action) -> Grant:
        return self.snap.grants[action.grant]

    @property
    def project(self) -> str:
        return self.snap.external_id("project")

    @property
    def tag(self) -> str:
        """Marker of everything made for a study; no colon, which tags refuse."""
        return f"guichet-req={self.workspace.request_id}"


def intend(work: Pass, kind: str, key: str = "", *, external_id: str = "") -> CloudResource:
    """The intent, committed before any call. A removed resource is intended anew."""
    row = work.snap.resource(kind, key)
    if row is not None and row.status != REMOVED:
        return row
    with work.lease.write():
        row, _made = CloudResource.objects.update_or_create(
            workspace=work.workspace,
            kind=kind,
            logical_key=key,
            defaults={
                "status": INTENDED,
                "external_id": external_id,
                "attempted_at": None,
                "spec_hash": "",
                "last_error": "",
            },
        )
    return row


def settle(
    work: Pass, row: CloudResource, *, external_id: str | None = None, spec_hash: str = ""
) -> None:
    """What the call answered, stored as soon as it did."""
    with work.lease.write():
        row.status, row.spec_hash, row.last_error, row.tries = READY, spec_hash, "", 0
        if external_id is not None:
            row.external_id = external_id
        row.save()
        note(work, row.kind, row.logical_key, external_id or "")


def note(work: Pass, kind: str, key: str = "", external_id: str = "") -> None:
    record(
        "workspace.step",
        by=None,
        on=work.workspace,
        about=work.workspace.request_id,
        data={"kind": kind, "key": key, "id": external_id[:128]},
    )


def tell(work: Pass, finding: str, *, narrows: bool) -> None:
    """A difference with the provider, for the log and for operators; inside a fenced write."""
    record(
        "workspace.drift",
        by=None,
        on=work.workspace,
        about=work.workspace.request_id,
        outcome="narrowed" if narrows else "repaired",
        data={"finding": finding},
    )
    announce("drift_found", work.workspace.pk, finding=finding, narrowed=narrows)


def attempt(work: Pass, row: CloudResource) -> None:
    """Committed before a create: if its answer is lost, the next try knows one was on its way."""
    with work.lease.write():
        row.attempted_at = timezone.now()
        row.tries += 1
        row.save(update_fields=["attempted_at", "tries", "updated_at"])


def wait_out_lag(attempted_at: datetime | None) -> None:
    """After a lost create, a list may lag: do not create again before it had time to show."""
    if attempted_at is None:
        return
    lag = timedelta(seconds=settings.PROVISIONING["list_lag"])
    left = (attempted_at + lag - timezone.now()).total_seconds()
    if left > 0:
        raise Wait(left)


def adopt_or_create(
    work: Pass,
    row: CloudResource,
    *,
    find: Callable[[], Sequence[Found]],
    create: Callable[[], str],
    delete: Callable[[str], None],
    ask: Callable[[str], object] | None = None,
) -> str:
    """Id of the one thing that carries the marker, made if there is none (10.3).

    Several can only come from lost answers: one stays, the others are deleted. The one that stays
    is the one whose id is known, if `ask` (which raises NotFound) finds it there: lists may lag.
    """
    found = [one.id for one in find()]
    kept = _known(row, ask) or next(iter(found), "")
    for extra in found:
        if extra != kept:
            delete(extra)
    if kept:
        return kept
    wait_out_lag(row.attempted_at)
    attempt(work, row)
    try:
        return create()
    except AlreadyExists as error:
        if error.existing_id:
            return error.existing_id
        raise Transient(_("existe déjà, pas encore dans la liste")) from error


def _known(row: CloudResource, ask: Callable[[str], object] | None) -> str:
    if ask is None or not row.external_id:
        return ""
    try:
        ask(row.external_id)
    except NotFound:
        return ""
    return row.external_id
