"""Keeping the index in step with the database: the outbox is served by one writer at a time."""

import logging
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from catalog import counts
from catalog.models import IndexLease, IndexOutbox, Table, Variable

from .backends import backend
from .backends.base import IndexInfo, SearchBackend, SearchUnavailable
from .documents import all_documents, documents_for


logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
CLAIM = 1000  # outbox rows of one round
PART = 500  # objects of one write


class WriterBusy(Exception):
    """Another process writes the index now."""


@dataclass(slots=True)
class Lease:
    """The right to write the index, for a minute, renewed on the way."""

    token: str

    def renew(self) -> None:
        """Raises WriterBusy when it was lost."""
        kept = IndexLease.objects.filter(pk=1, token=self.token).update(
            until=timezone.now() + LEASE
        )
        if not kept:
            raise WriterBusy

    def release(self) -> None:
        IndexLease.objects.filter(pk=1, token=self.token).update(until=timezone.now())


def take_lease() -> Lease:
    """Raises WriterBusy while another process holds it."""
    now = timezone.now()
    token = uuid.uuid4().hex
    taken = IndexLease.objects.filter(pk=1, until__lte=now).update(token=token, until=now + LEASE)
    if not taken:
        try:
            with transaction.atomic():
                IndexLease.objects.create(pk=1, token=token, until=now + LEASE)
        except IntegrityError as error:
            raise WriterBusy from error
    return Lease(token)


def rebuild() -> IndexInfo:
    """Build a new generation beside the current one, swap, then serve what changed meanwhile.

    Raises WriterBusy, SearchUnavailable.
    """
    lease = take_lease()
    try:
        info = backend().rebuild(all_documents(), alive=lease.renew)
        _serve(backend(), lease)
    finally:
        lease.release()
    return info


def index_pending() -> int:
    """Serve the outbox; return how many rows were served. A missing index is built first."""
    if not IndexOutbox.objects.exists():
        return 0
    try:
        lease = take_lease()
    except WriterBusy:
        return 0
    try:
        engine = backend()
        try:
            engine.info()
        except SearchUnavailable:
            engine.rebuild(all_documents(), alive=lease.renew)
        return _serve(engine, lease)
    except SearchUnavailable as error:
        logger.warning("search index: %s", error)
        _put_off(str(error))
        return 0
    finally:
        lease.release()


def build_if_missing() -> bool:
    """Build an index that was lost, or made by another version; True when one was built.

    The outbox alone does not show it: nothing may have changed since.
    """
    engine = backend()
    try:
        engine.info()
    except SearchUnavailable:
        try:
            rebuild()
        except (WriterBusy, SearchUnavailable) as error:
            logger.warning("search index not built: %s", error or "another process writes it")
            return False
        return True
    return False


def _serve(engine: SearchBackend, lease: Lease) -> int:
    served = 0
    while True:
        due = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
        found = list(
            IndexOutbox.objects.filter(due).values_list("pk", "kind", "key", "attempts")[:CLAIM]
        )
        if not found:
            return served
        rows = [(pk, kind, key) for pk, kind, key, _attempts in found]
        tries = {(kind, key): attempts for _pk, kind, key, attempts in found}
        for kind, keys in _objects(rows).items():
            for start in range(0, len(keys), PART):
                lease.renew()
                for key, error in _write(engine, kind, keys[start : start + PART]):
                    _later(kind, key, error, tries=tries.get((kind, key), 0))
        # Rows written since then have higher numbers: nothing is lost by deleting these.
        numbers = [pk for pk, _kind, _key in rows]
        IndexOutbox.objects.filter(pk__in=numbers).delete()
        # Told at the commit already, unless the process that committed died before it could.
        counts.changed()
        served += len(rows)


def _write(engine: SearchBackend, kind: str, keys: list[str]) -> list[tuple[str, str]]:
    """Index these objects; those that cannot be, alone, with why. Raises SearchUnavailable."""
    try:
        documents, gone = documents_for(kind, keys)
        engine.write(documents, gone)
    except (SearchUnavailable, WriterBusy, SoftTimeLimitExceeded):
        raise
    except Exception as error:  # one description that cannot be read: the others are indexed
        if len(keys) > 1:
            return [found for key in keys for found in _write(engine, kind, [key])]
        logger.exception("search index: %s %s", kind, keys[0])
        return [(keys[0], type(error).__name__)]
    return []


def _later(kind: str, key: str, error: str, *, tries: int) -> None:
    IndexOutbox.objects.create(
        kind=kind,
        key=key,
        attempts=tries + 1,
        not_before=timezone.now() + _wait(tries),
        last_error=error,
    )


def _objects(rows: list[tuple[int, str, str]]) -> dict[str, list[str]]:
    """Objects to index again, each once. A dataset brings its tables and its variables' names,
    unless it changed alone."""
    wanted: dict[str, dict[str, None]] = defaultdict(dict)
    whole: list[Any] = list(
        dict.fromkeys(key for _pk, kind, key in rows if kind == IndexOutbox.Kind.DATASET)
    )
    for _pk, kind, key in rows:
        wanted["dataset" if kind == IndexOutbox.Kind.BASE else kind][key] = None
    for pk in Table.objects.filter(dataset__in=whole).values_list("pk", flat=True):
        wanted["table"][str(pk)] = None
    names = Variable.objects.filter(table__dataset__in=whole).order_by()
    for name in names.values_list("name_key", flat=True).distinct():
        wanted["variable"][name] = None
    return {kind: list(keys) for kind, keys in wanted.items() if keys}


def _put_off(error: str) -> None:
    """Try again later: in 5 s at first, then longer, up to five minutes."""
    now = timezone.now()
    pending = IndexOutbox.objects.filter(Q(not_before__isnull=True) | Q(not_before__lte=now))
    tries = pending.order_by("-attempts").values_list("attempts", flat=True).first() or 0
    pending.update(
        attempts=F("attempts") + 1,
        not_before=now + _wait(tries),
        last_error=error[:500],
    )


def _wait(tries: int) -> timedelta:
    return timedelta(seconds=min(300, 5 * 2 ** min(tries, 6)))
