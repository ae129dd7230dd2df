"""Who may do what with accounts. `is_staff` and Django's own permissions add nothing."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from .models import (
    SECOND_FACTOR_ROLES,
    Invitation,
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    User,
)
from .roles import has_role, manages_one, signs_for_one


Person = User | AnonymousUser


def needs_second_factor(user: Person) -> bool:
    """Whether every page that needs a login needs the second factor too: for whoever holds a role,
    signs for an organisation or manages one. A password alone commits nobody but its owner."""
    return has_role(user, *SECOND_FACTOR_ROLES) or signs_for_one(user) or manages_one(user)


def why_second_factor(user: Person) -> list[str]:
    """Reasons of `needs_second_factor`, for the page where it is installed."""
    reasons = []
    if has_role(user, *SECOND_FACTOR_ROLES):
        reasons.append(_("vous tenez un rôle au guichet ;"))
    if signs_for_one(user):
        reasons.append(_("votre signature engage un organisme ;"))
    if manages_one(user):
        reasons.append(_("vous confirmez qui appartient à un organisme, et qui signe pour lui ;"))
    return reasons


def managed_organisations(user: Person) -> QuerySet[Organisation]:
    """Organisations whose memberships the person may confirm as a manager."""
    if not user.is_authenticated or not user.is_active:
        return Organisation.objects.none()
    return Organisation.objects.established().filter(
        suspended_at__isnull=True,
        pk__in=Membership.objects.confirmed()
        .filter(user=user, is_manager=True)
        .values("organisation_id"),
    )


def manages(user: Person, organisation: Organisation) -> bool:
    return managed_organisations(user).filter(pk=organisation.pk).exists()


def memberships_to_confirm(user: Person) -> QuerySet[Membership]:
    """Pending memberships the person may answer: never their own.

    A proposed organisation is the secretariat's to accept; a manager sees their own only.
    """
    if not user.is_authenticated or not user.is_active:
        return Membership.objects.none()
    pending = Membership.objects.pending().exclude(user=user)
    if has_role(user, Role.SECRETARIAT):
        return pending
    return pending.filter(organisation__in=managed_organisations(user))


def can_confirm(user: Person, membership: Membership) -> bool:
    """Object answer of `memberships_to_confirm`."""
    if not user.is_authenticated or not user.is_active or membership.user_id == user.pk:
        return False
    waiting = membership.ended_at is None and (
        membership.confirmed_at is None
        or (membership.asks_to_sign and membership.can_sign_since is None)
    )
    if not waiting:
        return False
    return has_role(user, Role.SECRETARIAT) or manages(user, membership.organisation)


def can_name_manager(user: Person) -> bool:
    """Only the secretariat makes a member the manager of an organisation."""
    return has_role(user, Role.SECRETARIAT)


def can_end_membership(user: Person, membership: Membership) -> bool:
    """The person leaves; the secretariat or a manager of the organisation ends it."""
    if not user.is_authenticated or not user.is_active or membership.ended_at is not None:
        return False
    return (
        membership.user_id == user.pk
        or has_role(user, Role.SECRETARIAT)
        or manages(user, membership.organisation)
    )


def can_sign_for(user: Person, organisation: Organisation) -> bool:
    """Whether the person's signature counts for the organisation now."""
    if not user.is_authenticated or not user.is_active:
        return False
    return Membership.objects.signatory().filter(user=user, organisation=organisation).exists()


def invitable_organisations(user: Person, kind: str) -> QuerySet[Organisation]:
    """Organisations for which the person may send an invitation of this kind from their account.

    Holders' representatives are invited by the secretariat; legal representatives by the
    secretariat or a manager. Team and named persons are invited from the request.
    """
    established = Organisation.objects.established().filter(suspended_at__isnull=True)
    if kind == Invitation.Kind.HOLDER:
        if not has_role(user, Role.SECRETARIAT):
            return Organisation.objects.none()
        return established.filter(kind=Organisation.Kind.HOLDER)
    if kind == Invitation.Kind.REPRESENTATIVE:
        if has_role(user, Role.SECRETARIAT):
            return established.exclude(kind=Organisation.Kind.COMMITTEE)
        return managed_organisations(user)
    return Organisation.objects.none()


def can_invite(user: Person) -> bool:
    """Whether the invitations page has anything to offer."""
    return has_role(user, Role.SECRETARIAT) or managed_organisations(user).exists()


def invitations_visible_to(user: Person) -> QuerySet[Invitation]:
    """One's own, and for the secretariat all that concern an organisation only."""
    if not user.is_authenticated or not user.is_active:
        return Invitation.objects.none()
    mine = Q(invited_by=user)
    if has_role(user, Role.SECRETARIAT):
        mine |= Q(request_id__isnull=True)
    return Invitation.objects.filter(mine)


def can_handle_invitation(user: Person, invitation: Invitation) -> bool:
    """Cancel or send again: object answer of `invitations_visible_to`."""
    if not user.is_authenticated or not user.is_active:
        return False
    return invitation.invited_by_id == user.pk or (
        invitation.request_id is None and has_role(user, Role.SECRETARIAT)
    )


def is_administrator(user: Person) -> bool:
    return has_role(user, Role.ADMINISTRATOR)


def can_grant_role(user: Person, *, to: User) -> bool:
    """Administrators grant roles, never to themselves."""
    return is_administrator(user) and user.pk != to.pk


def can_end_role(user: Person, assignment: RoleAssignment) -> bool:
    return is_administrator(user) and assignment.ended_at is None
