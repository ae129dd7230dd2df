"""Who enters a list of the administration: by role, never by `is_staff` or Django's permissions.

Administrators edit and act; auditors read everything and change nothing (section 2 of the issue).
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import Role
from .roles import has_role


class SeenByRole:
    """For a list or the rows inside a form."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR, Role.AUDITOR)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)


class RoleAdmin(SeenByRole, admin.ModelAdmin):
    """A list, its pages of fifty and its confirmed actions (`portal.common.admin`)."""

    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)
