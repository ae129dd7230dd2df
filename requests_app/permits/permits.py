"""Rights: the version that an act creates, what stops them, and who has access to what.

A permit's rows are written here in one transaction, with no cloud call: the reconciler reads them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, Role, User
from portal.accounts.roles import has_role
from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.dossier import notices
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    GrantState,
    Permit,
    RequestDataset,
    RequestMember,
    RequestVersion,
    Workspace,
)
from requests_app.provisioning.waking import wake
from requests_app.provisioning.workspaces import workspace_for
from requests_app.rights import duties
from requests_app.rights.actors import barred_from, is_actor, why_barred


Target = Permit | Grant | User | Organisation


class PermitRefused(ValueError):
    """Nothing was changed; `str()` is a French sentence for the person."""


def names(organisation_ids: Iterable[UUID]) -> list[str]:
    return list(Organisation.objects.filter(pk__in=organisation_ids).values_list("name", flat=True))


# --- Creating -------------------------------------------------------------------------------------


def approved_scope(request: AccessRequest) -> list[dict[str, Any]]:
    """Rows of the counting version's specification: `{dataset, table, variables, years}`.

    What the holders and the committee were consulted on; what an extract may hold, and a permit
    says.
    """
    version = RequestVersion.objects.filter(request=request).signed().latest()
    return scope_of(version) if version is not None else []


def scope_of(version: RequestVersion) -> list[dict[str, Any]]:
    rows = (version.content.get("specification") or {}).get("rows") or []
    return [
        {
            "dataset": row["dataset"],
            "table": row.get("table") or "",
            "variables": row.get("variables") or [],
            "years": [row.get("year_from"), row.get("year_until")],
        }
        for row in rows
    ]


def create_version(
    request: AccessRequest,
    act: Act,
    *,
    version: RequestVersion,
    delivery_mode: str,
    starts_at: datetime,
    expires_at: datetime,
    persons: Iterable[User],
    addresses: Mapping[str, list[str]],
) -> Permit:
    """Write the permit that `act` creates, a grant per person, and wake the reconciler, in the
    caller's transaction.

    Only the engine calls it, from the act that the procedure names (`grants_on`).
    """
    last = Permit.objects.filter(request=request).aggregate(last=Max("number"))["last"] or 0
    permit = Permit.objects.create(
        request=request,
        number=last + 1,
        act=act,
        request_version=version,
        scope=scope_of(version),
        delivery_mode=delivery_mode,
        starts_at=starts_at,
        expires_at=expires_at,
    )
    workspace = workspace_for(request)
    people = list(persons)
    for person in people:
        sources = addresses.get(str(person.pk), [])
        RequestMember.objects.current().filter(request=request, user=person).update(
            has_data_access=True, source_addresses=sources
        )
        live = Grant.objects.filter(workspace=workspace, person=person).exclude(
            state=GrantState.CLOSED
        )
        if not live.update(permit=permit, expires_at=expires_at, source_addresses=sources):
            grant = Grant.objects.create(
                permit=permit,
                workspace=workspace,
                person=person,
                expires_at=expires_at,
                source_addresses=sources,
            )
            record("grant.want", by=act.entered_by, on=grant, about=request.pk)
    record(
        "permit.create",
        by=act.entered_by,
        on=permit,
        about=request.pk,
        data={"version": permit.number, "persons": [str(person.pk) for person in people]},
    )
    Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
    return permit


def hint(request_id: UUID) -> None:
    """After the commit: have the study taken up now. Beat would find it within 5 s."""
    wake(request_id)


# --- Stopping and resuming ------------------------------------------------------------------------


def suspend(target: Target, *, by: User, reason: str) -> list[Grant]:
    """Stop one person in one study (Grant), everywhere (User), a study (Permit), an organisation.

    Raises PermitRefused without a reason, PermissionError for whoever is not an operator.
    """
    return _change("suspend", target, by=by, reason=reason)


def resume(target: Target, *, by: User, reason: str) -> list[Grant]:
    """Undo a suspension; what was revoked stays closed."""
    return _change("resume", target, by=by, reason=reason)


def revoke(target: Target, *, by: User, reason: str) -> list[Grant]:
    """Close for good; the reconciler proves it and the time it took is kept."""
    return _change("revoke", target, by=by, reason=reason)


def follow_sanction(target: User | Organisation, *, by: User, reason: str) -> list[Grant]:
    """Suspend what a person or organisation has, once an administrator has suspended them.

    The right to was checked there. Lifting the sanction resumes nothing by itself: an operator
    resumes each access, which may have been suspended for another reason too. Raises PermitRefused
    when one of them is of a file of the administrator's own.
    """
    with transaction.atomic():
        _lock_requests(target)
        _refuse_own_files(target, by=by, quality="administrator")
        return _write("suspend", _locked(_grants_of(target)), by=by, reason=reason)


def remove_person(request: AccessRequest, user: User, *, by: User, reason: str) -> list[Grant]:
    """The principal investigator (or an operator) removes a person at once: place and access."""
    investigator = (
        RequestMember.objects.current()
        .filter(request=request, user=by, kind=RequestMember.Kind.INVESTIGATOR)
        .exists()
    )
    if not (by.is_active and (investigator or is_actor(by, "operator", request))):
        if why := why_barred(by, ["operator"], request):
            raise PermitRefused(why)
        raise PermissionError(
            _("Seuls le responsable scientifique et l’exploitation retirent une personne.")
        )
    if not reason.strip():
        raise PermitRefused(_("Indiquez le motif."))
    with transaction.atomic():
        AccessRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        members = RequestMember.objects.current().filter(request=request, user=user)
        if not members.exists():
            raise PermitRefused(_("Cette personne n’est pas dans le dossier."))
        members.update(removed_at=legal_now(), removed_by=by)
        record("request.remove_person", by=by, on=user, about=request.pk, text=reason)
        grants = _live().filter(permit__request=request, person=user)
        return _write("revoke", _locked(grants), by=by, reason=reason)


def _live() -> QuerySet[Grant]:
    return Grant.objects.live().select_related("permit__request", "person", "workspace")


def _locked(grants: QuerySet[Grant]) -> list[Grant]:
    """In the order of every writer (`provisioning.locks`): their requests are locked before."""
    return list(grants.select_for_update(of=("self",)).order_by("workspace_id", "pk"))


def _grants_of(target: Target) -> QuerySet[Grant]:
    if isinstance(target, Permit):
        return _live().filter(permit=target)
    if isinstance(target, Grant):
        return _live().filter(pk=target.pk)
    if isinstance(target, User):
        return _live().filter(person=target)
    return _live().filter(permit__request__organisation=target)


def _lock_requests(target: Target) -> None:
    """Before the grants, which are read without a lock to know them."""
    requests = {grant.permit.request_id for grant in _grants_of(target)}
    rows = AccessRequest.objects.filter(pk__in=requests).order_by("pk")
    list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))


def _refuse_own_files(target: Target, *, by: User, quality: str) -> None:
    """Nobody stops, resumes or closes access in a file of their own: not even to protect it, since
    another operator does it as fast. All of it is refused when one of the files is. Raises
    PermitRefused."""
    requests = {grant.permit.request_id for grant in _grants_of(target)}
    if isinstance(target, Permit):
        requests.add(target.request_id)
    barred = AccessRequest.objects.filter(barred_from(by, quality), pk__in=requests)
    request = barred.order_by("number").first()
    if request is None:
        return
    why = duties.why_apart(by, request, quality) or _("Ce dossier ne vous est plus montré.")
    if isinstance(target, User | Organisation):
        raise PermitRefused(
            _("Un des accès concernés est celui du dossier %(number)s. %(why)s")
            % {"number": request.number, "why": why}
        )
    raise PermitRefused(why)


def _change(verb: str, target: Target, *, by: User, reason: str) -> list[Grant]:
    if not (by.is_active and has_role(by, Role.OPERATOR)):
        raise PermissionError(_("Seule l’exploitation suspend, reprend ou retire un accès."))
    if not reason.strip():
        raise PermitRefused(_("Indiquez le motif."))
    with transaction.atomic():
        _lock_requests(target)
        _refuse_own_files(target, by=by, quality="operator")
        now = legal_now()
        if isinstance(target, Permit):
            _mark_permit(verb, target, reason, now)
        if isinstance(target, Organisation):
            _mark_organisation(verb, target, reason)
        return _write(verb, _locked(_grants_of(target)), by=by, reason=reason)


def _mark_permit(verb: str, permit: Permit, reason: str, now: datetime) -> None:
    verbs: dict[str, dict[str, Any]] = {
        "suspend": {"suspended_at": now, "reason": reason},
        "resume": {"suspended_at": None, "reason": ""},
        "revoke": {"revoked_at": now, "reason": reason},
    }
    Permit.objects.filter(pk=permit.pk, revoked_at__isnull=True).update(**verbs[verb])


def _mark_organisation(verb: str, organisation: Organisation, reason: str) -> None:
    """A30: a sanction may suspend a whole organisation; revoking its rights suspends it too."""
    suspended = verb != "resume"
    Organisation.objects.filter(pk=organisation.pk).update(
        suspended_at=timezone.now() if suspended else None,
        suspension_reason=reason if suspended else "",
    )


def _write(verb: str, grants: list[Grant], *, by: User, reason: str) -> list[Grant]:
    wanted = {
        "suspend": Grant.Wanted.SUSPENDED,
        "resume": Grant.Wanted.OPEN,
        "revoke": Grant.Wanted.CLOSED,
    }[verb]
    changed = []
    for grant in grants:
        if grant.wanted in {wanted, Grant.Wanted.CLOSED}:
            continue
        grant.wanted = wanted
        grant.reason = reason if verb != "resume" else ""
        if verb == "revoke":
            grant.closing_requested_at = timezone.now()  # real time: time to revoke is measured
        grant.save(update_fields=["wanted", "reason", "closing_requested_at"])
        record(f"grant.{verb}", by=by, on=grant, about=grant.permit.request_id, text=reason)
        wake(grant.workspace_id)
        changed.append(grant)
    if changed:
        notices.access_changed(verb, changed, reason=reason)
    return changed


# --- Who has access to what -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explanation:
    """One case of the predicate: yes or no, since, until, and why in French sentences."""

    has_access: bool
    since: datetime | None
    until: datetime | None
    reasons: list[str]

    @property
    def why(self) -> str:
        return " ".join(self.reasons)


def accesses(*, at: datetime | None = None) -> QuerySet[Grant]:
    """Grants that give access at a legal instant (now): open as proven, and wanted so.

    Annotated with `since` and `until`; why is the permit's act. The set form of `explain()`.
    """
    giving = Grant.objects.giving_access(at or legal_now())
    return giving.annotate(since=F("opened_at"), until=F("expires_at"))


def explain(person: User, workspace: Workspace, *, at: datetime | None = None) -> Explanation:
    """Whether a person has access to a study at a legal instant (now), and every reason."""
    now = at or legal_now()
    grants = Grant.objects.filter(person=person, workspace=workspace).select_related("permit__act")
    live = [grant for grant in grants if grant.state != GrantState.CLOSED]
    if not live:
        if not grants:
            return Explanation(
                False, None, None, [_("Cette personne n’est pas nommée dans la convention.")]
            )
        return Explanation(False, None, None, [_("Son accès est fermé.")])
    grant = live[0]
    permit = grant.permit
    against: list[str] = []
    if grant.state != GrantState.OPEN:
        against.append(_("Son accès est %(state)s.") % {"state": grant.get_state_display()})
    if grant.wanted != Grant.Wanted.OPEN:
        against.append(
            _("Il a été demandé qu’il soit %(wanted)s : %(reason)s")
            % {"wanted": grant.get_wanted_display(), "reason": grant.reason}
        )
    if permit.starts_at > now:
        against.append(_("La période d’accès n’a pas commencé."))
    if permit.revoked_at is not None:
        against.append(_("L’accès de l’étude est retiré."))
    if permit.suspended_at is not None:
        against.append(_("L’accès de l’étude est suspendu."))
    if min(permit.expires_at, grant.expires_at) < now:
        against.append(_("La période d’accès est terminée."))
    if not person.is_active:
        against.append(_("Le compte de cette personne est désactivé."))
    if against:
        return Explanation(False, None, None, against)
    return Explanation(
        True,
        grant.opened_at,
        grant.expires_at,
        [
            _("Convention enregistrée le %(date)s.")
            % {"date": f"{permit.act.effective_at:%d/%m/%Y}"}
        ],
    )


def for_holders(
    organisation_ids: Iterable[UUID], *, main_base: Iterable[UUID] = ()
) -> QuerySet[Grant]:
    """ "Who uses my data": accesses of studies whose permit holds a database of the holders.

    `main_base`: organisations of which only the main base counts (A33b).
    """
    held = RequestDataset.objects.filter(
        Q(dataset__holder__organisation__in=list(organisation_ids))
        | Q(dataset__kind="main_base", dataset__holder__organisation__in=list(main_base))
    )
    return accesses().filter(permit__request__in=held.values("request"))
