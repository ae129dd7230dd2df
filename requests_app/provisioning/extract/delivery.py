"""The confirmed extract on its way: files as they were confirmed, manifest last, or sent back."""

import json
from collections.abc import Callable
from pathlib import Path

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from requests_app.models import Extract, Permit, Workspace
from requests_app.provisioning.extract.moves import move
from requests_app.provisioning.extract.preparing import forget_folders, ready_folder
from requests_app.provisioning.extract.sources import (
    ExtractMissing,
)
from requests_app.provisioning.extract.staging import _sha256
from requests_app.provisioning.fences import MANIFEST


def files_to_deliver(
    workspace: Workspace, *, alive: Callable[[], None] = lambda: None
) -> list[tuple[str, Path, str]]:
    """(key in the bucket, file, SHA-256) of each staged file. Raises ExtractMissing.

    `alive` is called with every block read: large files take longer than a lease.
    """
    folder = ready_folder(workspace)
    found = []
    for entry in workspace.extract.manifest.get("files", []):
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
        "files": [{k: entry[k] for k in keys} for entry in workspace.extract.manifest["files"]],
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
    extract = workspace.extract
    told = {"permit": permit.number, "files": len(extract.manifest["files"])}
    move(extract, "deliver", by=None, data=told)
    workspace.deposits.update(delivered_at=extract.delivered_at)


def sent_back() -> QuerySet[Workspace]:
    """Studies whose extract was confirmed and went back: to prepare and to confirm again."""
    return Workspace.objects.filter(extract__in=Extract.objects.sent_back())


def send_back(workspace: Workspace, *, reason: str) -> None:
    """In the reconciler's fenced transaction: what was confirmed cannot be delivered. Its stage is
    opened again by the workflow, which finds it in `sent_back()`."""
    move(workspace.extract, "send_back", by=None, text=reason)
