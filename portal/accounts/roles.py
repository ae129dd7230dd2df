"""Questions about a person's roles, answered from one query per request and person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from .models import Membership, Role, RoleAssignment


if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .models import User


T = TypeVar("T")


def kept(user: "User", name: str, make: Callable[[], T], *, revision: object = None) -> T:
    """What follows from a person's roles and memberships, made once and kept on the object for the
    request, until `forget()`, or until what it was made of has another `revision`."""
    known: dict[str, tuple[object, Any]] | None = getattr(user, "guichet_kept", None)
    if known is None:
        known = user.guichet_kept = {}  # type: ignore[attr-defined]
    if name not in known or known[name][0] != revision:
        known[name] = (revision, make())
    found: T = known[name][1]
    return found


def _assignments(user: "User | AnonymousUser") -> frozenset[tuple[str, UUID | None]]:
    """Active (role, organisation id or None) pairs."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return frozenset()
    return kept(user, "roles", lambda: frozenset(_read(user)))


def _read(user: "User") -> "QuerySet[Any, tuple[str, UUID | None]]":
    # made when it is read: a page asks some forty times
    return RoleAssignment.objects.active().filter(user=user).values_list("role", "scope_id")


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
    """The person's confirmed memberships."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return frozenset()
    return kept(user, "places", lambda: frozenset(_places(user)))


def _places(user: "User") -> Iterator[Place]:
    rows = Membership.objects.confirmed().filter(user=user)
    columns = rows.values_list("organisation_id", "is_manager", "can_sign_since")
    for organisation, manages, since in columns:
        yield Place(organisation, manages, since is not None)


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
    if hasattr(user, "guichet_kept"):
        del user.guichet_kept
