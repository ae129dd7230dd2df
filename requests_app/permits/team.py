"""Persons of the applicant's side: invited by mail, given access to the data or not, removed."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver
from django.utils.translation import gettext as _

from portal.accounts import invitations
from portal.accounts.models import Invitation, User
from portal.accounts.signals import invitation_accepted, invitation_taken_up, powers_asked
from portal.audit.record import record
from portal.common.calendar import legal_now
from portal.common.fold import same
from requests_app.dossier import NotEditable
from requests_app.models import FINAL_STATES, AccessRequest, Grant, GrantState, RequestMember
from requests_app.permits import stopping
from requests_app.rights import permissions


Kind = RequestMember.Kind
INVITATIONS = {
    Kind.EDITOR: Invitation.Kind.TEAM,
    Kind.NAMED: Invitation.Kind.NAMED_PERSON,
    Kind.REPRESENTATIVE: Invitation.Kind.REPRESENTATIVE,
}
KINDS = {invitation: kind for kind, invitation in INVITATIONS.items()}
# Someone already in the file who accepts another invitation keeps the wider place.
RANK = {Kind.NAMED: 0, Kind.REPRESENTATIVE: 1, Kind.EDITOR: 2, Kind.INVESTIGATOR: 3}


class TeamRefused(ValueError):
    """Nothing was changed; the message tells the person what to do."""


def current(request: AccessRequest) -> list[RequestMember]:
    """Members now, in the order they came."""
    members = request.members.current()
    return list(members.select_related("user").order_by("added_at"))


def pending(request: AccessRequest) -> list[Invitation]:
    """Invitations sent for this file that nobody has accepted yet."""
    return list(Invitation.objects.open().filter(request_id=request.pk))


def invite(request: AccessRequest, *, email: str, kind: Kind, by: User) -> Invitation:
    """Send the link that gives a place in the file, one at a time in a file: of two invitations of
    a person at once, the second is the first sent again. Raises TeamRefused."""
    with transaction.atomic():
        request = AccessRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if request.state in FINAL_STATES:
            raise TeamRefused(
                _("Cette demande est terminée : personne ne peut plus y être invité.")
            )
        if any(same(member.user.email, email) for member in current(request)):
            raise TeamRefused(_("Cette personne est déjà dans le dossier."))
        try:
            sent = invitations.invite(
                kind=INVITATIONS[kind],
                email=email,
                by=by,
                organisation=request.organisation if kind == Kind.REPRESENTATIVE else None,
                request_id=request.pk,
                about=" – ".join(filter(None, [request.number, request.title])),
            )
        except invitations.TooMany as refusal:
            raise TeamRefused(str(refusal)) from refusal
        record("request.invite", by=by, on=sent, about=request.pk, data={"kind": str(kind)})
    return sent


@receiver(powers_asked)
def on_powers_asked(*, user: User, lately: timedelta, **_kwargs: Any) -> bool:
    """Whether the account opens, or is to open, data or a file: a grant not closed, a place in a
    team, whatever became of the file, or either until lately."""
    since = legal_now() - lately
    if RequestMember.objects.there_since(since).filter(user=user).exists():
        return True
    access = ~Q(state=GrantState.CLOSED) | Q(closed_at__gte=since)
    return Grant.objects.filter(access, person=user).exists()


@receiver(invitation_taken_up)
def on_taken_up(*, invitation: Invitation, **_kwargs: Any) -> None:
    """The file before the invitation, as `invite` locks them."""
    if invitation.request_id is not None:
        rows = AccessRequest.objects.select_for_update(of=("self",))
        rows.filter(pk=invitation.request_id).values_list("pk").first()


@receiver(invitation_accepted)
def on_accepted(*, invitation: Invitation, user: User, **_kwargs: Any) -> None:
    """The place in the file, in the transaction that accepts the invitation.

    A link gives nothing once the file is over, or once who sent it has left the team: otherwise a
    person about to be removed could invite themselves back. Nor to whoever has ruled on the file:
    duties exclude each other in whichever order they come. Raises InvitationUnusable.
    """
    kind = KINDS.get(Invitation.Kind(invitation.kind))
    if invitation.request_id is None or kind is None:
        return
    request = (
        AccessRequest.objects.select_for_update(of=("self",))
        .filter(pk=invitation.request_id)
        .first()
    )
    if (
        request is None
        or request.state in FINAL_STATES
        or not permissions.in_team(invitation.invited_by, request)
    ):
        raise invitations.InvitationUnusable
    if permissions.has_ruled(user, request):
        raise invitations.InvitationUnusable(
            _("Vous avez instruit ce dossier : vous ne pouvez pas en rejoindre l’équipe.")
        )
    member = RequestMember.objects.current().filter(request=request, user=user).first()
    if member is None:
        member = RequestMember(
            request=request, user=user, added_by=invitation.invited_by, kind=kind
        )
    elif RANK[Kind(member.kind)] < RANK[kind]:
        member.kind = kind
    member.has_data_access = member.has_data_access or kind == Kind.NAMED
    member.save()
    record(
        "request.add_member",
        by=user,
        on=member,
        about=request.pk,
        data={"kind": str(kind), "user": str(user.pk)},
    )


def set_data_access(
    request: AccessRequest, member: RequestMember, *, has_data_access: bool, by: User
) -> None:
    """Say whether the person will work on the data. Raises NotEditable."""
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if not permissions.is_editable(locked):
            raise NotEditable
        if member.has_data_access == has_data_access:
            return
        member.has_data_access = has_data_access
        member.save(update_fields=["has_data_access"])
        record(
            "request.change_member",
            by=by,
            on=member,
            about=request.pk,
            data={"user": str(member.user_id), "has_data_access": has_data_access},
        )


def removal_needs_reason(request: AccessRequest) -> bool:
    """Once deposited, a removal is told and explained; access it had closes at once."""
    return request.number is not None or Grant.objects.filter(permit__request=request).exists()


def may_remove(request: AccessRequest, member: RequestMember, *, by: User) -> bool:
    """In a draft anyone of the team; once deposited the investigator, at any time."""
    if member.kind == Kind.INVESTIGATOR and _only_investigator(request, member):
        return False
    if removal_needs_reason(request):
        return permissions.can(by, "remove_person", request)
    return permissions.can(by, "edit", request)


def _only_investigator(request: AccessRequest, member: RequestMember) -> bool:
    others = request.members.current().filter(kind=Kind.INVESTIGATOR)
    return not others.exclude(pk=member.pk).exists()


def remove(request: AccessRequest, member: RequestMember, *, by: User, reason: str = "") -> None:
    """Take a person out of the file; what access they had closes at once.

    Raises TeamRefused (a reason is missing, the last investigator), PermissionError.
    """
    if member.kind == Kind.INVESTIGATOR and _only_investigator(request, member):
        raise TeamRefused(_("Un dossier garde au moins un responsable scientifique."))
    if not may_remove(request, member, by=by):
        raise PermissionError(_("Vous ne pouvez pas retirer cette personne."))
    if removal_needs_reason(request):
        try:
            stopping.remove_person(request, member.user, by=by, reason=reason)
        except stopping.PermitRefused as refusal:
            raise TeamRefused(str(refusal)) from refusal
        return
    with transaction.atomic():
        taken = RequestMember.objects.current().filter(pk=member.pk)
        if taken.update(removed_at=legal_now(), removed_by=by):
            record("request.remove_person", by=by, on=member.user, about=request.pk, text=reason)
