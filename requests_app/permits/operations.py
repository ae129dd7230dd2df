"""What an operator may ask of accesses, studies, persons and organisations, and asking it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, Role, User
from portal.accounts.roles import has_role
from requests_app.models import AccessRequest, Credential, Grant, GrantState, Probe, Workspace
from requests_app.permits import stopping
from requests_app.provisioning import workspaces
from requests_app.provisioning.providers.errors import Unreachable
from requests_app.rights import permissions
from requests_app.rights.actors import barred_from


LAST_PROBES = 20
LIVE = frozenset({GrantState.WANTED, GrantState.OPENING, GrantState.OPEN, GrantState.FAILED})
Target = Grant | Workspace | User | Organisation


class OperationRefused(ValueError):
    """The operation cannot be done now; the message says why, in French."""


def may_see(user: object) -> bool:
    """Operators act; auditors and the DPO look."""
    return isinstance(user, User) and has_role(user, Role.OPERATOR, Role.AUDITOR, Role.DPO)


def may_act(user: object) -> bool:
    """Operators alone."""
    return isinstance(user, User) and has_role(user, Role.OPERATOR)


def last_probes(workspace: Workspace) -> QuerySet[Probe]:
    """What the last calls with its keys were answered, newest first."""
    return (
        Probe.objects.filter(grant__workspace=workspace)
        .select_related("grant__person")
        .order_by("-at", "-pk")[:LAST_PROBES]
    )


@dataclass(frozen=True, slots=True)
class Outage:
    """The provider does not answer: since when, and how many studies wait for it."""

    since: datetime
    studies: int


def outage() -> Outage | None:
    """What one banner says, instead of a sentence beside each access."""
    failing = Workspace.objects.filter(failure_code=Unreachable.code)
    found = failing.aggregate(since=Min("failing_since"), studies=Count("pk"))
    if not found["studies"] or found["since"] is None:
        return None
    return Outage(found["since"], found["studies"])


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that an access is shut: read at the provider, with its times (real)."""

    key_gone_at: datetime | None  # the person's last key answered 404; None for a suspension
    rounds: int
    first_at: datetime | None
    last_at: datetime
    seconds: float | None  # from the wish to the proof


def proof_of(grant: Grant) -> Proof | None:
    """The proof of a closing or a suspension, None while there is none. Reads no row: credentials
    come with the grant."""
    if grant.proof_at is None:
        return None
    gone = [
        key.deleted_at
        for key in grant.credentials.all()
        if key.use == Credential.Use.PERSON and key.deleted_at is not None and key.access_key
    ]
    return Proof(
        key_gone_at=max(gone) if gone and grant.state == GrantState.CLOSED else None,
        rounds=grant.streak,
        first_at=grant.streak_since,
        last_at=grant.proof_at,
        seconds=grant.revocation_seconds,
    )


def for_grant(grant: Grant, *, acts: bool) -> list[str]:
    """Operations on one person's access that are possible now; `acts`: for who may act at all."""
    if not acts or grant.wanted == Grant.Wanted.CLOSED or grant.state == GrantState.CLOSED:
        return []
    if grant.wanted == Grant.Wanted.SUSPENDED:
        return ["resume", "revoke"]
    return ["suspend", "revoke"] if grant.state in LIVE else ["revoke"]


def for_study(
    workspace: Workspace,
    *,
    by: User,
    grants: Iterable[Grant] | None = None,
    acts: bool | None = None,
) -> list[str]:
    """Operations on a whole study that are possible now for this operator. `grants`: the study's,
    where they are read already; `acts`: whether they may act on it, where that is known."""
    if not (permissions.can(by, "retry", workspace) if acts is None else acts):
        return []
    found = ["release"] if workspace.held_at else ["hold"]
    known = workspace.grants.all() if grants is None else grants
    if workspace.last_error or any(grant.state == GrantState.FAILED for grant in known):
        found.insert(0, "retry")
    permit = workspace.request.permits.order_by("-number").first()
    if permit is not None and permit.revoked_at is None:
        found.append("resume_study" if permit.suspended_at else "suspend_study")
        found.append("revoke_study")
    return found


# --- Persons and organisations ---------------------------------------------------------------


_NOT_CLOSED = [state for state in GrantState.values if state != GrantState.CLOSED]


def _counts(at: str) -> dict[str, Count]:
    """Counts of the grants found at the relation `at`, by what may still be asked of them."""

    def count(*wanted: str) -> Count:
        chosen = Q((f"{at}__state__in", _NOT_CLOSED), (f"{at}__wanted__in", wanted))
        return Count(at, filter=chosen, distinct=True)

    wanted = Grant.Wanted
    return {
        "live": count(*wanted.values),
        "suspended": count(wanted.SUSPENDED),
        "stoppable": count(wanted.OPEN),
        "revocable": count(wanted.OPEN, wanted.SUSPENDED),
    }


@dataclass(frozen=True, slots=True)
class Body:
    """A person or an organisation, and their accesses that are not closed."""

    of: User | Organisation
    live: int
    suspended: int
    stoppable: int
    revocable: int
    suspended_at: datetime | None  # of the organisation itself
    suspension_reason: str

    @classmethod
    def read(cls, row: Any) -> "Body":
        """A row of `persons()` or `organisations()`."""
        return cls(
            of=row,
            live=row.live,
            suspended=row.suspended,
            stoppable=row.stoppable,
            revocable=row.revocable,
            suspended_at=getattr(row, "suspended_at", None),
            suspension_reason=getattr(row, "suspension_reason", ""),
        )

    def __str__(self) -> str:
        return str(self.of)


def organisations() -> QuerySet[Organisation]:
    """Organisations with accesses that are not closed, or suspended ones that had some."""
    counts = _counts("access_requests__permits__grants")
    return (
        Organisation.objects.filter(access_requests__permits__isnull=False)
        .annotate(**counts)
        .filter(Q(live__gt=0) | Q(suspended_at__isnull=False))
        .order_by("name", "pk")
    )


def persons() -> QuerySet[User]:
    """People with accesses that are not closed."""
    counts = _counts("grants")
    people: Any = User.objects.filter(grants__isnull=False)
    found: QuerySet[User] = people.annotate(**counts).filter(live__gt=0)
    return found.order_by("last_name", "first_name", "pk")


def own_bodies(bodies: Iterable[User | Organisation], *, by: User) -> set[object]:
    """Ids of those who have an access in a file of the operator's own: another operator acts on
    them."""
    known = [body.pk for body in bodies]
    own = AccessRequest.objects.filter(barred_from(by, "operator"))
    found = Grant.objects.live().filter(permit__request__in=own)
    pairs = found.filter(
        Q(person__in=known) | Q(permit__request__organisation__in=known)
    ).values_list("person", "permit__request__organisation")
    return {pk for pair in pairs for pk in pair}


def for_body(body: Body, *, acts: bool) -> list[str]:
    """Operations on all accesses of a person or an organisation; `acts`: for who may act on it."""
    if not acts:
        return []
    sanctioned = body.suspended_at is not None
    found = ["suspend"] if body.stoppable and not sanctioned else []
    found += ["resume"] if body.suspended or sanctioned else []
    return found + (["revoke"] if body.revocable else [])


# --- Asking ----------------------------------------------------------------------------------


_VERBS: dict[str, Callable[..., list[Grant]]] = {
    "suspend": stopping.suspend,
    "resume": stopping.resume,
    "revoke": stopping.revoke,
}


def needs_fresh_factor(name: str) -> bool:
    """Whatever changes a right, one person's or all; holding the machinery back changes none."""
    return name.removesuffix("_study") in _VERBS


def perform(name: str, target: Target, *, by: User, reason: str) -> None:
    """Do one operation, with its reason. Raises OperationRefused, never on a file of one's own."""
    if isinstance(target, Workspace):
        _on_study(name, target, by=by, reason=reason)
    else:
        _on_access(name, target, by=by, reason=reason)


def _on_access(name: str, target: stopping.Target, *, by: User, reason: str) -> None:
    try:
        _VERBS[name](target, by=by, reason=reason)
    except (ValueError, PermissionError) as error:
        raise OperationRefused(str(error)) from error


def _on_study(name: str, workspace: Workspace, *, by: User, reason: str) -> None:
    if name in {"retry", "hold", "release"}:
        _on_reconciler(name, workspace, by=by, reason=reason)
        return
    permit = workspace.request.permits.order_by("-number").first()
    if permit is None:
        raise OperationRefused(_("Cette étude n’a pas d’accès autorisé."))
    _on_access(name.removesuffix("_study"), permit, by=by, reason=reason)


def _on_reconciler(name: str, workspace: Workspace, *, by: User, reason: str) -> None:
    if not permissions.can(by, "hold", workspace):
        why = permissions.why_not(by, "hold", workspace)
        raise OperationRefused(why or _("Cet acte est celui d’un opérateur."))
    match name:
        case "hold":
            done = workspaces.hold(workspace, by=by, reason=reason)
        case "release":
            done = workspaces.release(workspace, by=by)
        case _:
            workspaces.retry(workspace, by=by)
            done = True
    if not done:
        raise OperationRefused(_("C’était déjà fait : rechargez la page."))
