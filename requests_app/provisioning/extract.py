"""The extract of a study: staged locally, confirmed by a second person, then delivered.

Staging calls no cloud: it happens while the convention is being signed. Delivery happens after the
buckets have their encryption and policies.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.models import ExtractDeposit, Permit, Workspace
from requests_app.provisioning import signals
from requests_app.provisioning.approved import (
    ApprovedTable,
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
from requests_app.provisioning.fences import MANIFEST


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


def ready_folder(workspace: Workspace) -> Path:
    """Staged files of a study, checked, waiting to be delivered; emptied by the delivery."""
    return Path(settings.PROVISIONING["staging_dir"]) / ".ready" / str(workspace.pk)


def stage(
    workspace: Workspace,
    *,
    scope: Iterable[Mapping[str, Any]],
    by: User,
    origin: ExtractSource | None = None,
) -> Staged:
    """Write one checked CSV per approved table; a confirmation already given falls.

    Raises ExtractError when the extract is delivered already, ScopeError on a wrong scope. What is
    missing or refused is returned, kept on the rows and shown; nothing of it is confirmable.
    """
    if workspace.extract_delivered_at is not None:
        raise ExtractError(_("L’extraction est déjà déposée dans l’espace."))
    tables = approved_tables(scope)
    folder = ready_folder(workspace)
    shutil.rmtree(folder, ignore_errors=True)
    origin = origin or source()
    deposits: list[ExtractDeposit] = []
    problems: list[str] = []
    files: list[dict[str, Any]] = []
    for table in tables:  # outside any transaction: reading files may take long
        deposit = ExtractDeposit(
            workspace=workspace,
            dataset_code=table.dataset,
            table_name=table.table,
            file_name=table.file_name,
            staged_by=by,
        )
        deposits.append(deposit)
        target = folder / table.file_name
        try:
            made = origin.produce(table, request=str(workspace.request.number), target=target)
        except ExtractError as error:
            deposit.refused_reason = str(error)
            problems.append(str(error))
            continue
        deposit.rows, deposit.bytes = made.rows, target.stat().st_size
        deposit.sha256 = _sha256(target)
        files.append(
            {
                "file": table.file_name,
                "rows": deposit.rows,
                "bytes": deposit.bytes,
                "sha256": deposit.sha256,
                "years_checked": made.years_checked,
                **describe(table),
            }
        )
    _keep(workspace, deposits, problems, files, tables, by)
    return Staged(deposits, problems)


def _keep(
    workspace: Workspace,
    deposits: list[ExtractDeposit],
    problems: list[str],
    files: list[dict[str, Any]],
    tables: list[ApprovedTable],
    by: User,
) -> None:
    manifest = {"files": files, "scope_sha256": scope_fingerprint(tables)} if not problems else {}
    with transaction.atomic():
        ExtractDeposit.objects.filter(workspace=workspace).delete()
        ExtractDeposit.objects.bulk_create(deposits)
        Workspace.objects.filter(pk=workspace.pk).update(
            extract_manifest=manifest,
            extract_problem="\n".join(problems),
            extract_confirmed_by=None,
            extract_confirmed_at=None,
        )
        record(
            "extract.refuse" if problems else "extract.stage",
            by=by,
            on=workspace,
            about=workspace.request_id,
            outcome="refused" if problems else "done",
            text="\n".join(problems),
            data={"files": len(files)},
        )
    workspace.refresh_from_db()
    if not problems:
        signals.extract_staged.send(sender=Workspace, workspace=workspace)


def confirm_extract(workspace: Workspace, *, by: User) -> None:
    """The second person's confirmation, dated. Raises ConfirmationRefused with a French reason."""
    from requests_app.provisioning.run import wake

    if not workspace.extract_manifest:
        raise ConfirmationRefused(_("Aucune extraction complète n’est préparée."))
    if workspace.deposits.filter(staged_by=by).exists():
        raise ConfirmationRefused(
            _("La personne qui a préparé l’extraction ne peut pas la confirmer elle-même.")
        )
    with transaction.atomic():
        done = Workspace.objects.filter(
            pk=workspace.pk,
            extract_confirmed_at__isnull=True,
            extract_manifest=workspace.extract_manifest,
        ).update(extract_confirmed_by=by, extract_confirmed_at=legal_now())
        if not done:
            raise ConfirmationRefused(
                _("L’extraction a changé ou est déjà confirmée : rechargez la page.")
            )
        record(
            "extract.confirm",
            by=by,
            on=workspace,
            about=workspace.request_id,
            data={"scope": workspace.extract_manifest["scope_sha256"]},
        )
        wake(workspace.pk)
    workspace.refresh_from_db()


def is_as_approved(workspace: Workspace, scope: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what was staged is this scope, nothing else. Raises ScopeError."""
    staged = workspace.extract_manifest.get("scope_sha256")
    return staged is not None and staged == scope_fingerprint(approved_tables(scope))


def matches(workspace: Workspace, permit: Permit) -> bool:
    """Whether what was staged and confirmed is what the permit allows. Raises ScopeError."""
    return is_as_approved(workspace, permit.scope)


def files_to_deliver(workspace: Workspace) -> list[tuple[str, Path, str]]:
    """(key in the bucket, file, SHA-256) of each staged file. Raises ExtractMissing."""
    folder = ready_folder(workspace)
    found = []
    for entry in workspace.extract_manifest.get("files", []):
        path = folder / entry["file"]
        if not path.is_file() or _sha256(path) != entry["sha256"]:
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
    shutil.rmtree(ready_folder(workspace), ignore_errors=True)


def mark_delivered(workspace: Workspace, permit: Permit) -> None:
    """In the reconciler's fenced transaction."""
    now = timezone.now()
    Workspace.objects.filter(pk=workspace.pk).update(
        extract_delivered_at=now, extract_problem="", tries=F("tries")
    )
    workspace.deposits.update(delivered_at=now)
    record(
        "extract.deliver",
        by=None,
        on=workspace,
        about=workspace.request_id,
        data={"permit": permit.number, "files": len(workspace.extract_manifest["files"])},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def send_back(workspace: Workspace, *, reason: str) -> None:
    """In the reconciler's fenced transaction: what was confirmed cannot be delivered."""
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
