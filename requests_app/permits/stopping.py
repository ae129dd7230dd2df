"""What stops an access, resumes it or ends it: of a permit, a person, an organisation."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, Role, User
from portal.accounts.roles import has_role
from portal.audit.record import record
from portal.common.calendar import legal_now
from requests_app.dossier import notices
from requests_app.models import (
    AccessRequest,
    Grant,
    Permit,
    RequestMember,
)
from requests_app.provisioning.waking import wake
from requests_app.rights import duties
from requests_app.rights.actors import barred_from, is_actor, why_barred


Target = Permit | Grant | User | Organisation


class PermitRefused(ValueError):
    """Nothing was changed; `str()` is a French sentence for the person."""


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
