"""What every step works with: its pass, its intent row committed before a call, its book.

Nothing here decides what comes next: `plan.next_action` does, from the rows that steps write.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from portal.audit.record import record
from requests_app.models import CloudResource, Grant, Workspace
from requests_app.provisioning.facts import READY, REMOVED, Snapshot
from requests_app.provisioning.outbox import announce
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.port import Entry, Provider
from requests_app.provisioning.providers.values import Study
from requests_app.provisioning.worker.lease import Lease


INTENDED = "intended"


class Wait(Exception):
    """Nothing to do for `seconds`; not a failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


@dataclass(slots=True)
class Pass:
    """What a step works with: one lease, one provider, one reading of the rows."""

    lease: Lease
    backend: Provider
    snap: Snapshot

    @property
    def workspace(self) -> Workspace:
        return self.snap.workspace

    def grant(self, action: Action) -> Grant:
        return self.snap.grants[action.grant]

    @property
    def study(self) -> Study:
        """As the provider is told of it."""
        return Study(
            id=str(self.workspace.request_id),
            workspace=str(self.workspace.pk),
            slug=self.workspace.slug,
            ref=self.snap.external_id(self.snap.rows.study),
        )

    @property
    def book(self) -> "RowBook":
        return RowBook(self)

    def person_row(self, grant: str) -> CloudResource | None:
        """What is known of a person's identity at the provider."""
        return self.snap.resource(self.snap.rows.person, grant)


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
    work.snap.resources[kind, key] = row
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


@dataclass(frozen=True, slots=True)
class RowBook:
    """`port.Book` on the rows of one pass, kept up to date in its snapshot."""

    work: Pass

    def _row(self, kind: str, key: str) -> CloudResource | None:
        row = self.work.snap.resource(kind, key)
        return row if row is not None and row.status != REMOVED else None

    def entry(self, kind: str, key: str = "") -> Entry | None:
        row = self._row(kind, key)
        if row is None:
            return None
        return Entry(row.external_id, row.status == READY, row.spec_hash, row.attempted_at)

    def id_of(self, kind: str, key: str = "") -> str:
        return self.work.snap.external_id(kind, key)

    def intend(self, kind: str, key: str = "") -> Entry:
        row = intend(self.work, kind, key)
        return Entry(row.external_id, row.status == READY, row.spec_hash, row.attempted_at)

    def attempt(self, kind: str, key: str = "") -> None:
        attempt(self.work, self.work.snap.resources[kind, key])

    def settle(self, kind: str, key: str = "", *, external_id: str | None = None) -> None:
        settle(self.work, self.work.snap.resources[kind, key], external_id=external_id)

    def doubt(self, kind: str, key: str = "", *, lag: bool = True) -> None:
        row = self._row(kind, key)
        if row is None:
            return
        with self.work.lease.write():
            row.status, row.spec_hash = INTENDED, ""
            if lag:
                row.attempted_at = timezone.now()
            row.save(update_fields=["status", "spec_hash", "attempted_at", "updated_at"])

    def unwritten(self, kind: str, key: str = "") -> None:
        row = intend(self.work, kind, key)
        with self.work.lease.write():
            row.spec_hash = ""
            row.save(update_fields=["spec_hash", "updated_at"])

    def mark(self, kind: str, key: str = "", *, spec: str) -> None:
        row = self.work.snap.resources[kind, key]
        with self.work.lease.write():
            row.spec_hash, row.attempted_at = spec, timezone.now() if spec else None
            row.save(update_fields=["spec_hash", "attempted_at", "updated_at"])

    def remove(self, kind: str, key: str = "") -> None:
        row = self._row(kind, key)
        if row is None:
            return
        with self.work.lease.write():
            row.status, row.spec_hash, row.attempted_at = REMOVED, "", None
            row.save()
            note(self.work, f"removed_{kind}", key, row.external_id)

    def note(self, what: str, key: str = "", external_id: str = "") -> None:
        note(self.work, what, key, external_id)

    def wait_out_lag(self, since: datetime | None) -> None:
        wait_out_lag(since)

    def together(self) -> AbstractContextManager[None]:
        return self.work.lease.write()
