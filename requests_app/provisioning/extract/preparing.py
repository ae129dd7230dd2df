"""One preparation at a time of a study's extract: a lease with its owner, a folder of its own.

Reading a year of a large base takes hours, and workers die: whoever takes a study up after the end
of a lease writes beside the files of the one before, never over them. Which folder counts is said
by the row, in the transaction that publishes the result: that is the swap.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone

from portal.accounts.models import User
from requests_app.models import AccessRequest, Extract, ExtractState, Stage, Workspace
from requests_app.procedures.kind import Trait


logger = logging.getLogger(__name__)


class PreparationLost(Exception):
    """Another run has taken the study up: what this one made is thrown away, nothing is written."""


def ready_folder(workspace: Workspace) -> Path:
    """Staged files of a study, checked, waiting to be delivered; emptied by the delivery."""
    return _folder(workspace.pk, workspace.extract.folder)


def forget_folders(workspace: Workspace) -> None:
    """Every local copy of a study's extract."""
    for path in _folders(workspace.pk):
        shutil.rmtree(path, ignore_errors=True)


def _folder(workspace_id: UUID, name: str) -> Path:
    # Before runs had a folder each, there was one a study: `name` is empty.
    whole = f"{workspace_id}.{name}" if name else str(workspace_id)
    return Path(settings.PROVISIONING["staging_dir"]) / ".ready" / whole


def _folders(workspace_id: UUID) -> Iterator[Path]:
    yield from _folder(workspace_id, "").parent.glob(f"{workspace_id}*")


class Preparation:
    """The lease of one run. Real time, as leases are between machines."""

    def __init__(self, row: Extract, owner: str) -> None:
        self.workspace_id: UUID = row.workspace_id
        self.request_id: UUID = row.workspace.request_id
        self.owner = owner
        self.asked_at: datetime | None = row.asked_at
        self.asked_by: User | None = row.asked_by
        self.tries: int = row.tries + 1
        self.folder = _folder(row.pk, owner)
        self._published = False

    @classmethod
    def take(cls, workspace_id: UUID, *, asked: bool = False) -> "Preparation | None":
        """The lease; None while a run holds it, or while as many as may run at once do. Locks
        extracts only, by key (`locks`).

        `asked`: None too when nobody asks for it any more.
        """
        now, owner = timezone.now(), uuid4().hex
        with transaction.atomic():
            # All that could be taken, in one order: two workers never count the same free place.
            mine = Extract.objects.filter(pk=workspace_id)
            rows = (mine | Extract.objects.asked()).order_by("pk")
            list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))
            held = Extract.objects.filter(lease_until__gt=now)
            if held.filter(pk=workspace_id).exists():
                return None
            if held.count() >= settings.PROVISIONING["extract_slots"]:
                return None
            row = mine.select_related("workspace").first()
            if row is None or (asked and row.state != ExtractState.ASKED):
                return None
            mine.update(owner=owner, lease_until=now + _lease(), tries=F("tries") + 1)
        run = cls(row, owner)
        for path in _folders(workspace_id):  # of runs that died or were overtaken
            if path not in {run.folder, _folder(row.pk, row.folder)}:
                shutil.rmtree(path, ignore_errors=True)
        return run

    def renew(self) -> None:
        """Another full period from now. Raises PreparationLost."""
        kept = Extract.objects.filter(pk=self.workspace_id, owner=self.owner)
        if not kept.update(lease_until=timezone.now() + _lease()):
            raise PreparationLost(str(self.workspace_id))

    def release(self) -> None:
        """Give the study back without a result; nothing when it was taken by another."""
        mine = Extract.objects.filter(pk=self.workspace_id, owner=self.owner)
        mine.update(owner="", lease_until=None)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Keep the lease during long work, from a thread: reading one file may outlast it."""
        over = Event()
        thread = Thread(target=self._keep, args=(over,), name="extract-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            if not self._published:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, over: Event) -> None:
        try:
            while not over.wait(_lease().total_seconds() / 3):
                try:
                    self.renew()
                except PreparationLost:
                    return  # said when the result is to be published
                except Exception:
                    logger.exception("the lease on extract %s was not renewed", self.workspace_id)
        finally:
            connections.close_all()

    @contextmanager
    def publishing(self) -> Iterator[Extract]:
        """The transaction of the result: the locked row, still ours; the lease ends with it.

        Locks in the house's order (`locked`). Raises PreparationLost.
        """
        with transaction.atomic():
            row = locked(self.request_id)
            if row.owner != self.owner:
                raise PreparationLost(str(self.workspace_id))
            yield row
            row.owner, row.lease_until, row.tries = "", None, 0
            row.save(
                update_fields=["owner", "lease_until", "tries", "folder", "manifest", "problem"]
            )
        self._published = row.folder == self.owner

    def is_asked_again(self, row: Extract) -> bool:
        """Whether somebody asked while this run read: what it made is shown, then made again."""
        return row.asked_at not in {None, self.asked_at}


def _lease() -> timedelta:
    return timedelta(seconds=settings.PROVISIONING["lease"])


def locked(request_id: UUID) -> Extract:
    """The extract of a request, locked after the rows that come before it."""
    requests = AccessRequest.objects.filter(pk=request_id)
    list(requests.select_for_update(of=("self",)).values_list("pk", flat=True))
    stages = Stage.objects.having(Trait.PREPARES_DATA).filter(request=request_id).order_by("pk")
    list(stages.select_for_update(of=("self",)).values_list("pk", flat=True))
    spaces = Workspace.objects.filter(request=request_id).select_for_update(of=("self",))
    list(spaces.values_list("pk", flat=True))
    extracts = Extract.objects.select_for_update(of=("self",)).select_related("workspace")
    found = extracts.get(workspace__request=request_id)
    found.workspace.extract = found  # one row in memory, read from either side
    return found
