"""One worker at a time on one workspace, and a number that tells an old one that it is old.

The lease is a compare-and-swap on the workspace's row: it works the same on both databases, and
needs no session to be held open while the network is waited for. `lease_generation` is the fencing
number: every external call and every write checks that it is still ours.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from requests_app.models import Workspace
from requests_app.provisioning.locks import lock_grants


class LeaseLost(Exception):
    """Another worker has the workspace, or ours slept too long: stop at once, change nothing."""


class Lease:
    """A lease on one workspace. Real time, as leases are between machines."""

    def __init__(self, workspace_id: UUID, generation: int) -> None:
        self.workspace_id = workspace_id
        self.generation = generation
        self._seconds: float = settings.PROVISIONING["lease"]
        self._renewed = time.monotonic()

    @classmethod
    def take(cls, workspace_id: UUID) -> "Lease | None":
        """The lease, or None when somebody holds it (or the workspace does not exist)."""
        now = timezone.now()
        row = (
            Workspace.objects.filter(pk=workspace_id)
            .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
            .values_list("lease_generation", flat=True)
            .first()
        )
        if row is None:
            return None
        until = now + timedelta(seconds=settings.PROVISIONING["lease"])
        taken = (
            Workspace.objects.filter(pk=workspace_id, lease_generation=row)
            .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
            .update(lease_until=until, lease_generation=F("lease_generation") + 1)
        )
        return cls(workspace_id, row + 1) if taken else None

    def renew(self) -> None:
        """Another full period from now. Raises LeaseLost."""
        now = timezone.now()
        kept = Workspace.objects.filter(
            pk=self.workspace_id, lease_generation=self.generation, lease_until__gt=now
        ).update(lease_until=now + timedelta(seconds=self._seconds))
        if not kept:
            raise LeaseLost(str(self.workspace_id))
        self._renewed = time.monotonic()

    def check(self) -> None:
        """Before each exchange with the provider. Raises LeaseLost; renews in a long step."""
        if time.monotonic() - self._renewed > self._seconds / 3:
            self.renew()
            return
        if not Workspace.objects.filter(
            pk=self.workspace_id,
            lease_generation=self.generation,
            lease_until__gt=timezone.now(),
        ).exists():
            raise LeaseLost(str(self.workspace_id))

    @contextmanager
    def write(self) -> Iterator[None]:
        """A fenced transaction. Locks in the order of `locks`: request, grants, workspace."""
        with transaction.atomic():
            lock_grants(self.workspace_id)
            self.renew()
            yield

    def release(self, *, next_at: datetime | None, seen: datetime | None) -> None:
        """Give the lease back; a wake since `seen` outranks `next_at`."""
        mine = Workspace.objects.filter(pk=self.workspace_id, lease_generation=self.generation)
        mine.filter(next_reconcile_at=seen).update(next_reconcile_at=next_at)
        mine.update(lease_until=None)
