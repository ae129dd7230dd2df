"""Invitations: a link sent by mail gives one place to the reader of the invited address.

The link proves the address, so it counts for the person whose confirmed address it is, or for a new
account made from it. Anyone else who holds the link gets nothing.
"""

import re
import unicodedata
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.common.fold import same

from . import memberships, registration, signals, throttle
from .invitation_moves import locked, move
from .links import absolute
from .models import Invitation, Membership, Organisation, Role, RoleAssignment, User
from .permissions import can_handle_invitation, invitable_organisations
from .roles import forget
from .secrets import new_token, token_hash


VALID = timedelta(days=14)
_NUMBER = re.compile(r"[A-Z]{3}-[0-9]{4}-[0-9]{4,6}(?![\w.])")  # of a deposited file
# A dot inside a word, and the colon of a scheme. Not the dots of "J.-P." and of an ellipsis.
_DOT = re.compile(r"\.(?=[^\s.,;:!?)\]»'\"\u2019-])")
_SCHEME = re.compile(r"(?<=[^\W0-9]):(//)?(?=\S)")


class InvitationUnusable(Exception):
    """Unknown, expired, cancelled or already accepted; the message, if any, says why."""


class WrongPerson(Exception):
    """The invitation was sent to another address."""


class NotAllowed(Exception):
    """The person may not handle this invitation."""


class TooMany(Exception):
    """The person has sent too many of them: `minutes` to wait."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes

    def __str__(self) -> str:
        hours = max(1, round(self.minutes / 60))
        text = ngettext(
            "Vous avez envoyé beaucoup d’invitations aujourd’hui. Réessayez dans %(n)s heure.",
            "Vous avez envoyé beaucoup d’invitations aujourd’hui. Réessayez dans %(n)s heures.",
            hours,
        )
        return text % {"n": hours}


class TooManyForOne(TooMany):
    """The address has received too many of them."""

    def __str__(self) -> str:
        return _("Cette adresse a déjà reçu beaucoup d’invitations aujourd’hui. Réessayez demain.")


def _counted(by: User, email: str) -> None:
    """The portal writes to strangers on this person's word: not without end, nor to one of them."""
    if minutes := throttle.take(throttle.INVITATIONS_BY_PERSON, str(by.pk)):
        raise TooMany(minutes)
    if minutes := throttle.take(throttle.INVITATIONS_BY_RECIPIENT, email.strip()):
        raise TooManyForOne(minutes)


def quoted(text: str) -> str:
    """Words that a person chose, for a stranger's mail: one line, nothing hidden, and no address
    that a mail reader would turn into a link."""
    # What a mail reader takes for a dot or a letter is one: full-width forms, U+2024, U+3002.
    plain = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    seen = "".join(one if one.isprintable() else " " for one in plain)
    words = " ".join(seen.split())
    return _SCHEME.sub(lambda found: f"[{found[0]}]", _DOT.sub("[.]", words))


def _send(invitation: Invitation, token: str) -> None:
    signals.mail(
        "invitation",
        to=[invitation.email],
        context={
            "kind": str(invitation.get_kind_display()),
            "invited_by": quoted(str(invitation.invited_by)),
            "organisation": quoted(invitation.organisation.name if invitation.organisation else ""),
            "about": quoted(invitation.about),
            "number": number[0] if (number := _NUMBER.search(invitation.about)) else "",
            "expires_at": invitation.expires_at,
            "url": absolute(reverse("accounts:invitation", args=[token])),
        },
        until=invitation.expires_at,
    )


def invite(
    *,
    kind: Invitation.Kind,
    email: str,
    by: User,
    organisation: Organisation | None = None,
    request_id: UUID | None = None,
    about: str = "",
) -> Invitation:
    """Create an invitation and send its link. The caller has checked the right to invite.

    `about` says to the reader what it is for (number and title of a request). An open invitation of
    the same kind, address and object is sent again instead of doubled, also of two at once: what
    names a request holds the lock of its row. Raises TooMany.
    """
    _counted(by, email)
    with transaction.atomic():
        _hold(organisation)
        alike = Invitation.objects.open().filter(
            kind=kind, organisation=organisation, request_id=request_id
        )
        known = next((locked(one) for one in alike if same(one.email, email)), None)
        if known is not None and known.state == Invitation.State.OPEN:
            return _renew(known, by=by)
        token = new_token()
        invitation = Invitation.objects.create(
            kind=kind,
            email=email,
            token_hash=token_hash(token),
            organisation=organisation,
            request_id=request_id,
            about=about[:300],
            invited_by=by,
            expires_at=timezone.now() + VALID,
        )
        signals.event("invitation.send", by=by, on=invitation, data={"kind": str(kind)})
        _send(invitation, token)
    return invitation


def _hold(organisation: Organisation | None) -> None:
    """One at a time in an organisation, whoever invites; before the row of any invitation."""
    if organisation is not None:
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def _renew(invitation: Invitation, *, by: User) -> Invitation:
    token = new_token()
    until = timezone.now() + VALID
    move(invitation, "resend", by=by, token_hash=token_hash(token), expires_at=until)
    _send(invitation, token)
    return invitation


def resend(invitation: Invitation, *, by: User) -> Invitation:
    """A new link for an invitation not accepted yet; the old link stops working.

    Raises NotAllowed, InvitationUnusable, TooMany.
    """
    with transaction.atomic():
        invitation = locked(invitation)
        if not can_handle_invitation(by, invitation):
            raise NotAllowed
        if invitation.state != Invitation.State.OPEN:
            raise InvitationUnusable
        _counted(by, invitation.email)
        return _renew(invitation, by=by)


def cancel(invitation: Invitation, *, by: User) -> None:
    """Make the link void; nothing when it is already. Raises NotAllowed, InvitationUnusable."""
    with transaction.atomic():
        invitation = locked(invitation)
        if not can_handle_invitation(by, invitation):
            raise NotAllowed
        if invitation.state == Invitation.State.ACCEPTED:
            raise InvitationUnusable
        if invitation.state == Invitation.State.OPEN:
            move(invitation, "cancel", by=by)


def find(token: str) -> Invitation:
    """The open invitation of a link. Raises InvitationUnusable."""
    invitation = (
        Invitation.objects.open()
        .filter(token_hash=token_hash(token))
        .select_related("invited_by", "organisation")
        .first()
    )
    if invitation is None:
        raise InvitationUnusable
    return invitation


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the person has proved to own the invited address."""
    return user.email_confirmed_at is not None and same(user.email, invitation.email)


def accept(*, token: str, by: User) -> Invitation:
    """Take the place: rights of the organisation here, those of a request in the upper room.

    Raises InvitationUnusable (also from the upper room, when the place is gone), WrongPerson.
    """
    with transaction.atomic():
        found = find(token)
        signals.invitation_taken_up.send(sender=None, invitation=found)
        _hold(found.organisation)
        invitation = locked(found)
        if not is_for(invitation, by):
            raise WrongPerson
        if invitation.state != Invitation.State.OPEN or invitation.token_hash != token_hash(token):
            raise InvitationUnusable  # taken, or sent again, since it was found
        move(invitation, "accept", by=by)
        if invitation.organisation is not None:
            _join(invitation, invitation.organisation, user=by)
        signals.invitation_accepted.send(sender=None, invitation=invitation, user=by)
    forget(by)
    return invitation


def accept_as_new(*, token: str, username: str, password: str, fields: dict[str, Any]) -> User:
    """Make the account of the invited address and take the place, or neither."""
    with transaction.atomic():
        invitation = find(token)
        user = registration.create_account(
            email=invitation.email, username=username, password=password, fields=fields
        )
        accept(token=token, by=user)
    return user


def _taken_since(invitation: Invitation, organisation: Organisation, *, user: User) -> bool:
    """Whether the place or the role that the invitation gives was taken from the person after it
    was made: who sent it then does not answer for them now."""
    since = invitation.created_at
    places = Membership.objects.filter(user=user, organisation=organisation, ended_at__gte=since)
    roles = RoleAssignment.objects.filter(user=user, scope=organisation, ended_at__gte=since)
    return places.exists() or roles.exists()


def _join(invitation: Invitation, organisation: Organisation, *, user: User) -> None:
    """Membership by invitation, confirmed when whoever invites may confirm memberships."""
    if invitation.kind not in Invitation.GIVE_CAPACITY:
        return
    inviter = invitation.invited_by
    vouched = (
        inviter.pk != user.pk
        and invitable_organisations(inviter, invitation.kind).filter(pk=organisation.pk).exists()
        and not _taken_since(invitation, organisation, user=user)
    )
    now = timezone.now()
    signs = invitation.kind == Invitation.Kind.REPRESENTATIVE
    membership, created = Membership.objects.get_or_create(
        user=user, organisation=organisation, ended_at=None
    )
    if vouched and membership.confirmed_at is None:
        membership.confirmed_at, membership.confirmed_by = now, inviter
    if signs and membership.can_sign_since is None:
        membership.asks_to_sign = True
        if vouched:
            membership.can_sign_since, membership.can_sign_confirmed_by = now, inviter
    membership.save()
    if membership.can_sign_since == now:
        signals.waiting_to_sign(membership, told=False)
    asked = "membership.ask" if created else "membership.ask_to_sign"
    signals.event(
        "membership.confirm" if vouched else asked,
        by=inviter if vouched else user,
        on=membership,
        data={"by_invitation": True, "may_sign": membership.can_sign_since is not None},
    )
    if Membership.objects.pending().filter(pk=membership.pk).exists():
        memberships.tell_confirmers(membership)  # nobody else would know that it waits
    if invitation.kind == Invitation.Kind.HOLDER and vouched:
        assignment, created = RoleAssignment.objects.get_or_create(
            user=user,
            role=Role.HOLDER_REPRESENTATIVE,
            scope=organisation,
            ended_at=None,
            defaults={"granted_by": inviter},
        )
        if created:
            signals.event(
                "role.grant",
                by=inviter,
                on=assignment,
                data={"role": str(assignment.role), "user": str(user.pk)},
            )
