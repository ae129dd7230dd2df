"""What a second person confirms of a staged extract: one rule for page, verb and worker."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from requests_app.models import ExtractState, Permit, Stage, StageState, Workspace
from requests_app.procedures.kind import Trait
from requests_app.provisioning.extract.approved import (
    ScopeError,
    approved_tables,
    scope_fingerprint,
)
from requests_app.provisioning.extract.moves import move
from requests_app.provisioning.extract.preparing import locked
from requests_app.provisioning.extract.sources import ExtractError
from requests_app.provisioning.fences import fingerprint
from requests_app.provisioning.waking import wake


class ConfirmationRefused(ExtractError):
    """Nothing to confirm, the same person, or delivered already; the message is French."""


# --- One rule for page, verb and worker -----------------------------------------------------------


def preparation_refusals(workspace: Workspace) -> list[str]:
    """Why the extract cannot be prepared now, in French; empty when it can."""
    if workspace.extract.state == ExtractState.DELIVERED:
        return [_("L’extraction est déjà déposée dans l’espace.")]
    if workspace.extract.is_confirmed:
        return [_("L’extraction est confirmée par une deuxième personne : elle ne change plus.")]
    of_kind = Stage.objects.having(Trait.PREPARES_DATA).filter(request=workspace.request_id)
    states = set(of_kind.values_list("state", flat=True))
    if states and StageState.RUNNING not in states:
        return [_("L’extraction n’est pas à préparer maintenant.")]
    return []


def manifest_sha256(workspace: Workspace | None) -> str:
    """What a page shows of the prepared extract, in one value that it sends back; "" of none."""
    if workspace is None or not workspace.extract.manifest:
        return ""
    return fingerprint(workspace.extract.manifest)


def confirmation_refusals(
    workspace: Workspace | None, *, by: User, seen: str | None = None
) -> list[str]:
    """Why this person cannot confirm the extract now, in French; empty when they can.

    `seen`: the `manifest_sha256` of what they were shown; None before they are.
    """
    if workspace is not None and workspace.extract.state == ExtractState.ASKED:
        return [
            _(
                "Une préparation est demandée : attendez qu’elle finisse, puis vérifiez ce"
                " qu’elle aura préparé."
            )
        ]
    if workspace is None or not workspace.extract.manifest:
        return [_("Aucune extraction complète n’est préparée.")]
    if workspace.extract.is_confirmed:
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
        if reasons := confirmation_refusals(row.workspace, by=by, seen=seen):
            raise ConfirmationRefused(reasons[0])
        move(row, "confirm", by=by, data={"scope": row.manifest["scope_sha256"]})
        wake(row.pk)
    workspace.refresh_from_db()


def is_as_approved(workspace: Workspace, scope: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what was staged is this scope, nothing else; not where the catalogue lost a part."""
    staged = workspace.extract.manifest.get("scope_sha256")
    try:
        return staged is not None and staged == scope_fingerprint(approved_tables(scope))
    except ScopeError:
        return False


def matches(workspace: Workspace, permit: Permit) -> bool:
    """Whether what was staged and confirmed is what the permit allows."""
    return is_as_approved(workspace, permit.scope)
