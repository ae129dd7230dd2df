"""Staging the extract of a study: one checked file per approved table, on this machine.

It calls no cloud: it happens while the convention is being signed.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.models import User
from requests_app.models import ExtractDeposit, Workspace
from requests_app.provisioning.extract import moves
from requests_app.provisioning.extract.approved import (
    ApprovedTable,
    approved_tables,
    describe,
    scope_fingerprint,
)
from requests_app.provisioning.extract.confirming import preparation_refusals, raise_first
from requests_app.provisioning.extract.preparing import (
    Preparation,
    ready_folder,
)
from requests_app.provisioning.extract.sources import (
    ExtractError,
    ExtractSource,
    source,
)
from requests_app.provisioning.outbox import announce


BLOCK = 16 << 20  # bytes hashed between two signs of life


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging did: the rows of the deposits and, in French, what is missing or refused."""

    deposits: list[ExtractDeposit]
    problems: list[str]

    @property
    def complete(self) -> bool:
        return not self.problems


def stage(
    workspace: Workspace,
    *,
    scope: Iterable[Mapping[str, Any]],
    by: User,
    origin: ExtractSource | None = None,
    run: Preparation | None = None,
) -> Staged:
    """Write one checked CSV per approved table, under a lease: `run`, or one taken here.

    Raises ExtractError when it is prepared elsewhere now, confirmed or delivered, ScopeError on a
    wrong scope, PreparationLost. What is missing or refused is returned, kept on the rows and
    shown; nothing of it is confirmable.
    """
    if run is None:
        if (own := Preparation.take(workspace.pk)) is None:
            raise ExtractError(_("L’extraction est déjà en préparation."))
        try:
            return stage(workspace, scope=scope, by=by, origin=origin, run=own)
        except BaseException:
            own.release()
            raise
    with run.renewed():
        raise_first(preparation_refusals(workspace))
        tables = approved_tables(scope)
        made = _produce(workspace, tables, run.folder, origin or source(), by)
        _publish(run, made, tables, by)
    workspace.refresh_from_db()
    return Staged(made.deposits, made.problems)


@dataclass(slots=True)
class _Made:
    deposits: list[ExtractDeposit] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def _produce(
    workspace: Workspace, tables: list[ApprovedTable], folder: Path, origin: ExtractSource, by: User
) -> _Made:
    """Outside any transaction: reading files may take hours."""
    said = _Made()
    for table in tables:
        deposit = ExtractDeposit(
            workspace=workspace,
            dataset_code=table.dataset,
            table_name=table.table,
            file_name=table.file_name,
            staged_by=by,
        )
        said.deposits.append(deposit)
        target = folder / table.file_name
        try:
            made = origin.produce(table, request=str(workspace.request.number), target=target)
        except ExtractError as error:
            deposit.refused_reason = str(error)
            said.problems.append(str(error))
            continue
        deposit.rows, deposit.bytes = made.rows, target.stat().st_size
        deposit.sha256 = _sha256(target)
        said.files.append(
            {
                "file": table.file_name,
                "rows": deposit.rows,
                "bytes": deposit.bytes,
                "sha256": deposit.sha256,
                "years_checked": made.years_checked,
                **describe(table),
            }
        )
    return said


def _publish(run: Preparation, made: _Made, tables: list[ApprovedTable], by: User) -> None:
    """Rows, folder and announcement at once, if the study is still this run's and to prepare."""
    problems = made.problems
    with run.publishing() as row:
        raise_first(preparation_refusals(row.workspace))
        before = ready_folder(row.workspace)
        ExtractDeposit.objects.filter(workspace=row.workspace).delete()
        ExtractDeposit.objects.bulk_create(made.deposits)
        row.manifest = (
            {"files": made.files, "scope_sha256": scope_fingerprint(tables)} if not problems else {}
        )
        row.problem = "\n".join(problems)
        row.folder = run.owner
        # Asked again meanwhile: shown, and made again.
        tell = moves.note if run.is_asked_again(row) else moves.move
        name = "refuse" if problems else "stage"
        tell(row, name, by=by, text=row.problem, data={"files": len(made.files)})
        if not problems:
            announce("extract_staged", row.pk)
    shutil.rmtree(before, ignore_errors=True)  # after the commit: no row names it any more


def give_up(run: Preparation, problem: str) -> None:
    """A run that ends without a result says why; what was confirmed stays. Raises
    PreparationLost."""
    with run.publishing() as row:
        if not row.is_confirmed:
            row.manifest, row.problem = {}, problem
        stays = row.is_confirmed or run.is_asked_again(row)
        tell = moves.note if stays else moves.move
        tell(row, "refuse", by=run.asked_by, text=problem)


def _sha256(path: Path, alive: Callable[[], None] = lambda: None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            alive()
    return digest.hexdigest()
