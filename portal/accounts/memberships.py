"""Joining an organisation, signing for it, and the answers of who may confirm."""

from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from portal.common.fold import folded

from . import invitation_moves, signals
from .links import absolute
from .models import FormerEmail, Invitation, Membership, Organisation, Role, User
from .permissions import can_confirm, can_end_membership, can_name_manager
from .roles import forget


class NotAllowed(Exception):
    """The person may not do this to this membership."""


class AlreadyAnswered(Exception):
    """Somebody answered in the meantime."""


def confirmers_of(membership: Membership) -> list[User]:
    """Who is asked to confirm: managers of the organisation, else the secretariat."""
    managers: list[User] = []
    if membership.organisation.proposed_at is None:
        managers = list(
            User.objects.filter(
                is_active=True,
                memberships__organisation_id=membership.organisation_id,
                memberships__is_manager=True,
                memberships__confirmed_at__isnull=False,
                memberships__ended_at__isnull=True,
            )
            .exclude(pk=membership.user_id)
            .distinct()
        )
    return managers or list(
        User.objects.filter(
            is_active=True,
            role_assignments__role=Role.SECRETARIAT,
            role_assignments__ended_at__isnull=True,
        )
        .exclude(pk=membership.user_id)
        .distinct()
    )


def reached(user: User) -> bool:
    """Whether a message to the person leaves: an open account with an address."""
    return user.is_active and bool(user.email)


def tell_confirmers(membership: Membership) -> None:
    """Write to who may answer what is asked."""
    signals.mail(
        "membership_asked",
        to=confirmers_of(membership),
        context={
            "person": str(membership.user),
            "organisation": membership.organisation.name,
            "to_sign": membership.asks_to_sign,
            "url": absolute(reverse("accounts:confirmation", args=[membership.pk])),
        },
    )


def propose_organisation(*, fields: dict[str, Any]) -> Organisation:
    """An organisation described by a person, hidden until the secretariat confirms it."""
    base = slugify(fields.get("acronym") or fields["name"])[:50] or "organisme"
    code, number = base, 1
    while Organisation.objects.filter(code=code).exists():
        number += 1
        code = f"{base}-{number}"
    return Organisation.objects.create(
        code=code, kind=Organisation.Kind.APPLICANT, proposed_at=timezone.now(), **fields
    )


def ask(
    *,
    by: User,
    organisation: Organisation | None = None,
    new: dict[str, Any] | None = None,
    to_sign: bool = False,
) -> Membership:
    """Ask to belong to an organisation, or to a new one described in `new`.

    An open membership is returned as it is: asking twice changes nothing.
    """
    with transaction.atomic():
        organisation = organisation or propose_organisation(fields=new or {})
        membership, created = Membership.objects.get_or_create(
            user=by,
            organisation=organisation,
            ended_at=None,
            defaults={"asks_to_sign": to_sign},
        )
        if created:
            signals.event(
                "membership.ask",
                by=by,
                on=membership,
                data={"organisation": str(organisation.pk), "to_sign": to_sign},
            )
            tell_confirmers(membership)
    return membership


def ask_to_sign(membership: Membership, *, by: User) -> None:
    """Ask for the capacity to sign for one's own organisation. Raises NotAllowed."""
    with transaction.atomic():
        membership = _locked(membership)
        if membership.user_id != by.pk or membership.ended_at is not None:
            raise NotAllowed
        if membership.asks_to_sign or membership.can_sign_since is not None:
            return
        membership.asks_to_sign = True
        membership.save(update_fields=["asks_to_sign"])
        signals.event("membership.ask_to_sign", by=by, on=membership)
        tell_confirmers(membership)


def same_domain(email: str, website: str) -> bool:
    """Whether the address is of the site's domain or of one below it: a hint, never a proof.

    Whole labels are compared: `e.fr` is not the domain of `universite.fr`.
    """
    host = (urlsplit(website).hostname or "").casefold().removeprefix("www.")
    domain = email.rpartition("@")[2].casefold()
    return bool(host) and (domain == host or domain.endswith(f".{host}"))


def _locked(membership: Membership) -> Membership:
    return (
        Membership.objects.select_for_update(of=("self",))
        .select_related("user", "organisation")
        .get(pk=membership.pk)
    )


def _to_answer(membership: Membership, *, by: User) -> Membership:
    membership = _locked(membership)
    waiting = membership.ended_at is None and (
        membership.confirmed_at is None
        or (membership.asks_to_sign and membership.can_sign_since is None)
    )
    if not waiting:
        raise AlreadyAnswered
    if not can_confirm(by, membership):
        raise NotAllowed
    return membership


def confirm(
    membership: Membership,
    *,
    by: User,
    may_sign: bool = False,
    manager: bool = False,
    reason: str = "",
) -> Membership:
    """Confirm the membership, and with `may_sign` the capacity to sign that was asked for.

    Without it a demand to sign is refused, for the `reason` that its person reads; `manager` is
    heeded from the secretariat only. Raises AlreadyAnswered, NotAllowed, ValueError for a refusal
    without a reason.
    """
    with transaction.atomic():
        membership = _to_answer(membership, by=by)
        now = timezone.now()
        asked_to_sign = membership.asks_to_sign
        signs = asked_to_sign and may_sign and membership.can_sign_since is None
        refused = asked_to_sign and not may_sign
        if refused and not reason.strip():
            raise ValueError("a demand to sign is refused for a reason")
        if membership.confirmed_at is None:
            membership.confirmed_at, membership.confirmed_by = now, by
        if asked_to_sign and may_sign:
            membership.can_sign_since, membership.can_sign_confirmed_by = now, by
        membership.asks_to_sign = asked_to_sign and may_sign
        if manager and can_name_manager(by):
            membership.is_manager = True
        membership.answer = reason if refused else ""
        membership.save()
        if refused:
            _cancel_invitations(membership, by=by)
        if membership.organisation.proposed_at is not None:
            membership.organisation.proposed_at = None
            membership.organisation.save(update_fields=["proposed_at"])
            signals.event("organisation.establish", by=by, on=membership.organisation)
        signals.event(
            "membership.confirm",
            by=by,
            on=membership,
            text=membership.answer,
            data={"may_sign": membership.can_sign_since is not None, "manager": manager},
        )
        signals.mail(
            "membership_confirmed",
            to=[membership.user],
            context={
                "organisation": membership.organisation.name,
                "may_sign": membership.can_sign_since is not None,
                "sign_refused": refused,
                "reason": membership.answer,
                "waiting": signals.waiting_to_sign(membership, told=True) if signs else [],
                "url": absolute(reverse("accounts:account")),
            },
        )
    forget(membership.user)
    return membership


def refuse(membership: Membership, *, by: User, reason: str) -> Membership:
    """Refuse what is asked: the membership, or the capacity to sign of a confirmed member.

    Raises AlreadyAnswered, NotAllowed.
    """
    with transaction.atomic():
        membership = _to_answer(membership, by=by)
        signing_only = membership.confirmed_at is not None
        membership.asks_to_sign = False
        membership.answer = reason
        if not signing_only:
            membership.ended_at, membership.ended_by = timezone.now(), by
        membership.save()
        signals.event(
            "membership.refuse_to_sign" if signing_only else "membership.refuse",
            by=by,
            on=membership,
            text=reason,
        )
        _cancel_invitations(membership, by=by)
        signals.mail(
            "membership_refused",
            to=[membership.user],
            context={
                "organisation": membership.organisation.name,
                "signing_only": signing_only,
                "reason": reason,
                "url": absolute(reverse("accounts:account")),
            },
        )
    return membership


def _cancel_invitations(membership: Membership, *, by: User) -> None:
    """A link sent before the place was ended or refused does not give it back. Called inside a
    transaction; whoever may answer for the organisation may send another."""
    known = {membership.user.email}
    known |= {*FormerEmail.objects.filter(user=membership.user).values_list("email", flat=True)}
    keys = {folded(email) for email in known if email}
    sent = Invitation.objects.open().filter(organisation=membership.organisation_id)
    for invitation in sent.select_for_update(of=("self",)):
        if folded(invitation.email) in keys:
            invitation_moves.move(invitation, "cancel", by=by)


def end(membership: Membership, *, by: User, reason: str = "") -> None:
    """End a membership: its person leaves, or is removed with a reason. Raises NotAllowed."""
    with transaction.atomic():
        membership = _locked(membership)
        if membership.ended_at is not None:
            return
        if not can_end_membership(by, membership):
            raise NotAllowed
        membership.ended_at, membership.ended_by = timezone.now(), by
        membership.answer = reason
        membership.save(update_fields=["ended_at", "ended_by", "answer"])
        signals.event("membership.end", by=by, on=membership, text=reason)
        _cancel_invitations(membership, by=by)
        if membership.user_id != by.pk:
            signals.mail(
                "membership_ended",
                to=[membership.user],
                context={"organisation": membership.organisation.name, "reason": reason},
            )
    forget(membership.user)
    forget(by)  # who leaves is the same person, and another object
