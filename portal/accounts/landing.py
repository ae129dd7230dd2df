"""Where a person arrives after logging in."""

from django.urls import NoReverseMatch, reverse

from .models import Role, User
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
    for name in [*names, "accounts:account"]:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return "/"
