"""What an operator may ask of accesses and workspaces, and asking it."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.roles import has_role

from . import permissions, permits
from .models import Grant, GrantState, Probe, Workspace
from .provisioning import run


LAST_PROBES = 20
LIVE = frozenset({GrantState.WANTED, GrantState.OPENING, GrantState.OPEN, GrantState.FAILED})


class OperationRefused(ValueError):
    """The operation cannot be done now; the message says why, in French."""


def may_see(user: User) -> bool:
    """Operators act; auditors and the DPO look."""
    return has_role(user, Role.OPERATOR, Role.AUDITOR, Role.DPO)


def last_probes(workspace: Workspace) -> QuerySet[Probe]:
    return Probe.objects.filter(grant__workspace=workspace).order_by("-at")[:LAST_PROBES]


def for_grant(grant: Grant, *, by: User) -> list[str]:
    """Operations on one person's access that are possible now for this operator."""
    if not permissions.can(by, "revoke", grant) or grant.wanted == Grant.Wanted.CLOSED:
        return []
    if grant.wanted == Grant.Wanted.SUSPENDED:
        return ["resume", "revoke"]
    return ["suspend", "revoke"] if grant.state in LIVE else ["revoke"]


def for_study(workspace: Workspace, *, by: User) -> list[str]:
    """Operations on a whole study that are possible now for this operator."""
    if not permissions.can(by, "retry", workspace):
        return []
    found = ["release"] if workspace.held_at else ["hold"]
    if workspace.last_error or workspace.grants.filter(state=GrantState.FAILED).exists():
        found.insert(0, "retry")
    permit = workspace.request.permits.order_by("-number").first()
    if permit is not None and permit.revoked_at is None:
        found.append("resume_study" if permit.suspended_at else "suspend_study")
        found.append("revoke_study")
    return found


def perform(name: str, target: Grant | Workspace, *, by: User, reason: str) -> None:
    """Do one operation, with its reason. Raises OperationRefused."""
    if isinstance(target, Grant):
        _on_grant(name, target, by=by, reason=reason)
    else:
        _on_study(name, target, by=by, reason=reason)


def _on_grant(name: str, grant: Grant, *, by: User, reason: str) -> None:
    verb = {"suspend": permits.suspend, "resume": permits.resume, "revoke": permits.revoke}[name]
    try:
        verb(grant, by=by, reason=reason)
    except (ValueError, PermissionError) as error:
        raise OperationRefused(str(error)) from error


def _on_study(name: str, workspace: Workspace, *, by: User, reason: str) -> None:
    if name in {"retry", "hold", "release"}:
        _on_reconciler(name, workspace, by=by, reason=reason)
        return
    permit = workspace.request.permits.order_by("-number").first()
    if permit is None:
        raise OperationRefused(_("Cette étude n’a pas d’accès autorisé."))
    verb = {
        "suspend_study": permits.suspend,
        "resume_study": permits.resume,
        "revoke_study": permits.revoke,
    }[name]
    try:
        verb(permit, by=by, reason=reason)
    except (ValueError, PermissionError) as error:
        raise OperationRefused(str(error)) from error


def _on_reconciler(name: str, workspace: Workspace, *, by: User, reason: str) -> None:
    match name:
        case "hold":
            done = run.hold(workspace, by=by, reason=reason)
        case "release":
            done = run.release(workspace, by=by)
        case _:
            run.retry(workspace, by=by)
            done = True
    if not done:
        raise OperationRefused(_("C’était déjà fait : rechargez la page."))
