"""First half of an import: read every file into staging rows, in short transactions.

Nothing of the catalogue changes here. A run killed while reading is taken up where it stopped: a
file counts as staged when its table row, written last, is there.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import Dataset, ImportRun, StagedRow, Table, TableKey, Variable
from catalog.names import shown

from .readers.base import FileContent, Mistake, Reader, Row


# What a row becomes, and the fields of it that are only known when it is applied.
_MODELS = {
    StagedRow.Kind.TABLE: (Table, {"dataset"}),
    StagedRow.Kind.VARIABLE: (Variable, {"table"}),
    StagedRow.Kind.KEY: (TableKey, {"table", "target_table"}),
}
_NOT_OF_THE_MODEL = frozenset({"product", "product_key", "target"})
BATCH = 1000  # rows of one transaction at most (SQLite has one writer)
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Reading:
    run: ImportRun
    mistakes: list[Mistake]
    resumed: bool


def fingerprint(files: list[Path]) -> str:
    """Hash of the names and contents of the files: the identity of what is imported.

    What cannot be read counts by its name: the reader says what is wrong with it.
    """
    digest = hashlib.sha256()
    for path in files:
        digest.update(os.fsencode(path.name) + b"\0")
        with suppress(OSError):
            if path.is_file():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class _Folder:
    """What the files of one folder say together: each table once, one product per dataset."""

    def __init__(self, run: ImportRun) -> None:
        rows = run.rows.filter(kind=StagedRow.Kind.TABLE)
        self._tables: dict[tuple[str, str], str] = {}
        self._products: dict[str, str] = {}
        for row in rows.only("dataset_code", "table_name", "file", "payload"):
            self._tables[row.dataset_code, row.table_name] = row.file
            self._products[row.dataset_code] = row.payload["product_key"]

    def mistakes(self, file: str, content: FileContent) -> list[Mistake]:
        """Mistakes that the file alone does not show, and rows that the catalogue cannot hold."""
        found: list[Mistake] = []
        for row in content.rows:
            if row.kind == StagedRow.Kind.TABLE:
                found += self._table(file, row)
            found += [Mistake(file, row.line, reason) for reason in _misfits(row)]
        return found

    def _table(self, file: str, row: Row) -> list[Mistake]:
        other = self._tables.setdefault((row.dataset_code, row.table_name), file)
        if other != file:
            text = _("la table « %(name)s » de cette base est déjà décrite par %(file)s.")
            return [Mistake(file, row.line, text % {"name": row.table_name, "file": other})]
        product = row.payload["product_key"]
        if (known := self._products.setdefault(row.dataset_code, product)) != product:
            text = _(
                "« %(one)s » et « %(other)s » donneraient la même base (%(code)s) :"
                " écrivez le même produit partout, ou deux noms qui diffèrent davantage."
            )
            values = {"one": product, "other": known, "code": row.dataset_code}
            return [Mistake(file, row.line, text % values)]
        return []


def _misfits(row: Row) -> list[str]:
    """What the model of the row refuses: nothing is found out half-way through the application."""
    model, unknown = _MODELS[StagedRow.Kind(row.kind)]
    values = {key: value for key, value in row.payload.items() if key not in _NOT_OF_THE_MODEL}
    if row.kind != StagedRow.Kind.KEY:
        values["name"] = row.name
    try:
        model(**values).clean_fields(exclude=unknown)
        Dataset.code.field.clean(row.dataset_code, None)
    except ValidationError as error:
        return [f"{row.name} : {message}" for message in error.messages]
    return []


def read_into_staging(
    reader: Reader, folder: Path, *, rules_version: str, progress: Progress
) -> Reading:
    """Read the folder; the run is READ, or REFUSED with its mistakes (its rows dropped)."""
    files = reader.files(folder)
    run, resumed = _open_run(reader.code, folder, fingerprint(files), rules_version)
    if run.state == ImportRun.State.READ:
        return Reading(run, [], resumed)
    done = _wholly_staged(run)
    whole = _Folder(run)
    mistakes: list[Mistake] = []
    pending: list[StagedRow] = []
    for number, path in enumerate(files, 1):
        progress(number, len(files), path.name)
        if path.name in done:
            continue
        content = reader.read(path)
        mistakes += content.mistakes or whole.mistakes(path.name, content)
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
        reader=code, source=shown(folder.name), fingerprint=digest, rules_version=rules_version
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
