"""The extract of a study: staged locally, confirmed by a second person, then delivered.

Staging calls no cloud: it happens while the convention is being signed. Delivery happens after the
buckets have their encryption and policies.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.models import ExtractDeposit, Permit, Stage, StageState, Workspace
from requests_app.provisioning.approved import (
    ApprovedTable,
    ScopeError,
    approved_tables,
    describe,
    scope_fingerprint,
)
from requests_app.provisioning.extract_sources import (
    ExtractError,
    ExtractMissing,
    ExtractSource,
    source,
)
from requests_app.provisioning.fences import MANIFEST, fingerprint
from requests_app.provisioning.hints import announce, wake
from requests_app.provisioning.preparing import (
    Preparation,
    PreparationLost,
    forget_folders,
    locked,
    ready_folder,
)


__all__ = ["Preparation", "PreparationLost", "ready_folder"]

BLOCK = 16 << 20  # bytes hashed between two signs of life


class ConfirmationRefused(ExtractError):
    """Nothing to confirm, the same person, or delivered already; the message is French."""


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
        raise_first(preparation_refusals(row))
        before = ready_folder(row)
        ExtractDeposit.objects.filter(workspace=row).delete()
        ExtractDeposit.objects.bulk_create(made.deposits)
        row.extract_manifest = (
            {"files": made.files, "scope_sha256": scope_fingerprint(tables)} if not problems else {}
        )
        row.extract_problem = "\n".join(problems)
        row.extract_folder = run.owner
        record(
            "extract.refuse" if problems else "extract.stage",
            by=by,
            on=row,
            about=row.request_id,
            outcome="refused" if problems else "done",
            text="\n".join(problems),
            data={"files": len(made.files)},
        )
        if not problems:
            announce("extract_staged", row.pk)
    shutil.rmtree(before, ignore_errors=True)  # after the commit: no row names it any more


def give_up(run: Preparation, problem: str) -> None:
    """A run that ends without a result says why; what was confirmed stays. Raises
    PreparationLost."""
    with run.publishing() as row:
        if row.extract_confirmed_at is None and row.extract_delivered_at is None:
            row.extract_manifest, row.extract_problem = {}, problem
        record(
            "extract.refuse",
            by=run.asked_by,
            on=row,
            about=row.request_id,
            outcome="refused",
            text=problem,
        )


# --- One rule for page, verb and worker -----------------------------------------------------------


def preparation_refusals(workspace: Workspace) -> list[str]:
    """Why the extract cannot be prepared now, in French; empty when it can."""
    if workspace.extract_delivered_at is not None:
        return [_("L’extraction est déjà déposée dans l’espace.")]
    if workspace.extract_confirmed_at is not None:
        return [_("L’extraction est confirmée par une deuxième personne : elle ne change plus.")]
    of_kind = Stage.objects.filter(request=workspace.request_id, kind="extract")
    states = set(of_kind.values_list("state", flat=True))
    if states and StageState.RUNNING not in states:
        return [_("L’extraction n’est pas à préparer maintenant.")]
    return []


def manifest_sha256(workspace: Workspace | None) -> str:
    """What a page shows of the prepared extract, in one value that it sends back; "" of none."""
    if workspace is None or not workspace.extract_manifest:
        return ""
    return fingerprint(workspace.extract_manifest)


def confirmation_refusals(
    workspace: Workspace | None, *, by: User, seen: str | None = None
) -> list[str]:
    """Why this person cannot confirm the extract now, in French; empty when they can.

    `seen`: the `manifest_sha256` of what they were shown; None before they are.
    """
    if workspace is not None and workspace.extract_asked_at is not None:
        return [
            _(
                "Une préparation est demandée : attendez qu’elle finisse, puis vérifiez ce"
                " qu’elle aura préparé."
            )
        ]
    if workspace is None or not workspace.extract_manifest:
        return [_("Aucune extraction complète n’est préparée.")]
    if workspace.extract_confirmed_at is not None:
        return [_("L’extraction a changé ou est déjà confirmée : rechargez la page.")]
    if workspace.deposits.filter(staged_by=by).exists():
        return [_("La personne qui a préparé l’extraction ne peut pas la confirmer elle-même.")]
    if seen is not None and seen != manifest_sha256(workspace):
        return [
            _(
                "L’extraction a été préparée à nouveau depuis que vous l’avez vue : vérifiez ce"
                " qui est préparé maintenant, puis confirmez."
            )
        ]
    return []


def raise_first(reasons: list[str]) -> None:
    """Raises ExtractError with the first reason, if any."""
    if reasons:
        raise ExtractError(reasons[0])


def confirm_extract(workspace: Workspace, *, by: User, seen: str) -> None:
    """The second person's confirmation of what they saw (`manifest_sha256`), dated.

    Raises ConfirmationRefused with a French reason.
    """
    with transaction.atomic():
        row = locked(workspace.request_id)
        if reasons := confirmation_refusals(row, by=by, seen=seen):
            raise ConfirmationRefused(reasons[0])
        row.extract_confirmed_by, row.extract_confirmed_at = by, legal_now()
        row.save(update_fields=["extract_confirmed_by", "extract_confirmed_at"])
        record(
            "extract.confirm",
            by=by,
            on=row,
            about=row.request_id,
            data={"scope": row.extract_manifest["scope_sha256"]},
        )
        wake(row.pk)
    workspace.refresh_from_db()


def is_as_approved(workspace: Workspace, scope: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what was staged is this scope, nothing else; not where the catalogue lost a part."""
    staged = workspace.extract_manifest.get("scope_sha256")
    try:
        return staged is not None and staged == scope_fingerprint(approved_tables(scope))
    except ScopeError:
        return False


def matches(workspace: Workspace, permit: Permit) -> bool:
    """Whether what was staged and confirmed is what the permit allows."""
    return is_as_approved(workspace, permit.scope)


def files_to_deliver(
    workspace: Workspace, *, alive: Callable[[], None] = lambda: None
) -> list[tuple[str, Path, str]]:
    """(key in the bucket, file, SHA-256) of each staged file. Raises ExtractMissing.

    `alive` is called with every block read: large files take longer than a lease.
    """
    folder = ready_folder(workspace)
    found = []
    for entry in workspace.extract_manifest.get("files", []):
        path = folder / entry["file"]
        if not path.is_file() or _sha256(path, alive) != entry["sha256"]:
            raise ExtractMissing(
                _("%(file)s n’est plus tel qu’il a été confirmé : préparez l’extraction à nouveau.")
                % {"file": entry["file"]}
            )
        found.append((str(entry["file"]), path, str(entry["sha256"])))
    return found


def write_manifest(workspace: Workspace, permit: Permit) -> tuple[str, Path, str]:
    """The manifest as delivered, with the permit's version: (key, file, SHA-256)."""
    keys = ("file", "rows", "bytes", "sha256", "variables", "years")
    content = {
        "request": workspace.request.number,
        "permit_version": permit.number,
        "files": [{k: entry[k] for k in keys} for entry in workspace.extract_manifest["files"]],
    }
    path = ready_folder(workspace) / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    return MANIFEST, path, _sha256(path)


def forget_staged(workspace: Workspace) -> None:
    """Delivered: the local copies go, the rows and the manifest stay."""
    forget_folders(workspace)


def mark_delivered(workspace: Workspace, permit: Permit) -> None:
    """In the reconciler's fenced transaction."""
    now = timezone.now()
    Workspace.objects.filter(pk=workspace.pk).update(extract_delivered_at=now, extract_problem="")
    workspace.deposits.update(delivered_at=now)
    record(
        "extract.deliver",
        by=None,
        on=workspace,
        about=workspace.request_id,
        data={"permit": permit.number, "files": len(workspace.extract_manifest["files"])},
    )


def _sha256(path: Path, alive: Callable[[], None] = lambda: None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            alive()
    return digest.hexdigest()


def sent_back() -> QuerySet[Workspace]:
    """Studies whose extract was confirmed and went back: to prepare and to confirm again."""
    unsent = Workspace.objects.filter(extract_delivered_at=None, extract_confirmed_at=None)
    return unsent.filter(extract_manifest={}).exclude(extract_problem="")


def send_back(workspace: Workspace, *, reason: str) -> None:
    """In the reconciler's fenced transaction: what was confirmed cannot be delivered. Its stage is
    opened again by the workflow, which finds it in `sent_back()`."""
    Workspace.objects.filter(pk=workspace.pk).update(
        extract_manifest={},
        extract_problem=reason,
        extract_confirmed_by=None,
        extract_confirmed_at=None,
    )
    record(
        "extract.refuse",
        by=None,
        on=workspace,
        about=workspace.request_id,
        outcome="refused",
        text=reason,
    )
