"""Where a person arrives after logging in."""

from django.urls import NoReverseMatch, reverse

from .models import Invitation, Role, User
from .permissions import is_administrator
from .roles import has_role


def landing(user: User) -> str:
    """The inbox of those who instruct, the admin of administrators, else one's own requests."""
    if has_role(user, *(set(Role) - {Role.ADMINISTRATOR, Role.OPERATOR})):
        names = ["requests_app:inbox"]
    elif has_role(user, Role.OPERATOR):
        names = ["requests_app:operations"]
    elif is_administrator(user):
        names = ["admin:index"]
    else:
        names = ["requests_app:my_requests"]
    return _first([(name, []) for name in names])


def after_invitation(invitation: Invitation) -> str:
    """The file in which a place was just taken, else one's account."""
    request = invitation.request_id
    return _first([("requests_app:request", [request])] if request else [])


def _first(places: list[tuple[str, list[object]]]) -> str:
    """The first of the pages that exists; upper rooms may be absent."""
    for name, args in [*places, ("accounts:account", [])]:
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            continue
    return "/"
