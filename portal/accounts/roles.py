"""Questions about a person's roles, answered from one query per request and person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from .models import Membership, Role, RoleAssignment


if TYPE_CHECKING:
    from .models import User


def _assignments(user: "User | AnonymousUser") -> frozenset[tuple[str, UUID | None]]:
    """Active (role, organisation id or None) pairs; kept on the user object for the request."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    cached = getattr(user, "guichet_roles", None)
    if cached is None:
        cached = frozenset(
            RoleAssignment.objects.active().filter(user=user).values_list("role", "scope_id")
        )
        user.guichet_roles = cached  # type: ignore[union-attr]
    return cached


def has_role(user: "User | AnonymousUser", *roles: Role) -> bool:
    """Whether the person holds one of the roles, in any scope."""
    return any(role in roles for role, _scope in _assignments(user))


def roles_of(user: "User | AnonymousUser") -> frozenset[str]:
    """Roles the person holds, in whatever scope."""
    return frozenset(role for role, _scope in _assignments(user))


def scopes(user: "User | AnonymousUser", role: Role) -> frozenset[UUID]:
    """Organisations for which the person holds a scoped role."""
    return frozenset(
        scope for held, scope in _assignments(user) if held == role and scope is not None
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A confirmed membership: as much of it as rights are derived from."""

    organisation: UUID
    manages: bool
    signs: bool


def places(user: "User | AnonymousUser") -> frozenset[Place]:
    """The person's confirmed memberships; kept on the user object for the request."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    cached = getattr(user, "guichet_places", None)
    if cached is None:
        rows = (
            Membership.objects.confirmed()
            .filter(user=user)
            .values_list("organisation_id", "is_manager", "can_sign_since")
        )
        cached = frozenset(Place(pk, manages, since is not None) for pk, manages, since in rows)
        user.guichet_places = cached  # type: ignore[union-attr]
    return cached


def organisations_of(user: "User | AnonymousUser") -> frozenset[UUID]:
    """Organisations the person is a confirmed member of."""
    return frozenset(place.organisation for place in places(user))


def manages_one(user: "User | AnonymousUser") -> bool:
    """Whether the person manages an organisation, a suspended one too."""
    return any(place.manages for place in places(user))


def signs_for_one(user: "User | AnonymousUser") -> bool:
    """Whether the person holds the capacity to sign, for a suspended organisation too."""
    return any(place.signs for place in places(user))


def forget(user: "User") -> None:
    """Drop what was kept on the object, after a change of roles."""
    for name in ("guichet_roles", "guichet_places"):
        if hasattr(user, name):
            delattr(user, name)
