"""First half of an import: read every file into staging rows, in short transactions.

Nothing of the catalogue changes here. A run killed while reading is taken up where it stopped: a
file counts as staged when its table row, written last, is there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from catalog.models import ImportRun, StagedRow

from .readers.base import Mistake, Reader


BATCH = 1000  # rows of one transaction at most (SQLite has one writer)
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Reading:
    run: ImportRun
    mistakes: list[Mistake]
    resumed: bool


def fingerprint(files: list[Path]) -> str:
    """Hash of the names and contents of the files: the identity of what is imported."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_into_staging(
    reader: Reader, folder: Path, *, rules_version: str, progress: Progress
) -> Reading:
    """Read the folder; the run is READ, or REFUSED with its mistakes (its rows dropped)."""
    files = reader.files(folder)
    run, resumed = _open_run(reader.code, folder, fingerprint(files), rules_version)
    if run.state == ImportRun.State.READ:
        return Reading(run, [], resumed)
    done = _wholly_staged(run)
    mistakes: list[Mistake] = []
    pending: list[StagedRow] = []
    for number, path in enumerate(files, 1):
        progress(number, len(files), path.name)
        if path.name in done:
            continue
        content = reader.read(path)
        mistakes += content.mistakes
        pending += [
            StagedRow(
                run=run,
                kind=row.kind,
                file=path.name,
                line=row.line,
                dataset_code=row.dataset_code,
                table_name=row.table_name,
                name=row.name,
                payload=row.payload,
            )
            for row in content.rows
        ]
        while len(pending) >= BATCH:
            _store(pending[:BATCH])
            pending = pending[BATCH:]
    _store(pending)
    if mistakes or not files:
        _refuse(run, mistakes)
    else:
        ImportRun.objects.filter(pk=run.pk).update(state=ImportRun.State.READ)
        run.state = ImportRun.State.READ
    return Reading(run, mistakes, resumed)


def _open_run(code: str, folder: Path, digest: str, rules_version: str) -> tuple[ImportRun, bool]:
    """The unfinished run of these very files, or a new one; other unfinished runs are given up."""
    unfinished = ImportRun.objects.filter(
        reader=code, state__in=[ImportRun.State.READING, ImportRun.State.READ]
    )
    same = unfinished.filter(fingerprint=digest, rules_version=rules_version).first()
    if same is not None:
        return same, True
    for stale in unfinished:
        _refuse(stale, [])
    run = ImportRun.objects.create(
        reader=code, source=folder.name, fingerprint=digest, rules_version=rules_version
    )
    return run, False


def _wholly_staged(run: ImportRun) -> set[str]:
    done = set(run.rows.filter(kind=StagedRow.Kind.TABLE).values_list("file", flat=True))
    partial = set(run.rows.values_list("file", flat=True).distinct()) - done
    if partial:
        run.rows.filter(file__in=partial).delete()
    return done


def _store(rows: list[StagedRow]) -> None:
    if rows:
        with transaction.atomic():
            StagedRow.objects.bulk_create(rows)


def _refuse(run: ImportRun, mistakes: list[Mistake]) -> None:
    drop_rows(run)
    ImportRun.objects.filter(pk=run.pk).update(
        state=ImportRun.State.REFUSED,
        finished_at=timezone.now(),
        counts={"mistakes": [str(mistake)[:500] for mistake in mistakes[:200]]},
    )
    run.state = ImportRun.State.REFUSED


def drop_rows(run: ImportRun) -> None:
    """Delete the staging rows of a run, in short transactions."""
    while True:
        ids = list(run.rows.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return
        StagedRow.objects.filter(pk__in=ids).delete()
