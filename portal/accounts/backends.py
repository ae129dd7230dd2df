"""Local accounts: login by user name. Django's own permissions follow from our roles."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser

from .models import Role, User
from .roles import has_role


class RoleBackend(ModelBackend):
    """Administrators have every permission of Django's admin, and nobody else has one.

    `is_staff`, `is_superuser`, groups and permission rows add nothing.
    """

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Any = None) -> bool:
        return has_role(user_obj, Role.ADMINISTRATOR)

    def has_module_perms(self, user_obj: User | AnonymousUser, app_label: str) -> bool:
        return has_role(user_obj, Role.ADMINISTRATOR)

    def get_all_permissions(self, user_obj: User | AnonymousUser, obj: Any = None) -> set[str]:
        return set()
