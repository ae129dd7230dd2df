"""Questions about a person's roles, answered from one query per request and person."""

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


def scopes(user: "User | AnonymousUser", role: Role) -> frozenset[UUID]:
    """Organisations for which the person holds a scoped role."""
    return frozenset(
        scope for held, scope in _assignments(user) if held == role and scope is not None
    )


def organisations_of(user: "User | AnonymousUser") -> frozenset[UUID]:
    """Organisations the person is a confirmed member of."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    cached = getattr(user, "guichet_organisations", None)
    if cached is None:
        cached = frozenset(
            Membership.objects.confirmed()
            .filter(user=user)
            .values_list("organisation_id", flat=True)
        )
        user.guichet_organisations = cached  # type: ignore[union-attr]
    return cached


def forget(user: "User") -> None:
    """Drop what was kept on the object, after a change of roles."""
    for name in ("guichet_roles", "guichet_organisations"):
        user.__dict__.pop(name, None)
