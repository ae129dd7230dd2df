"""Read-only lists: the workflow and the reconciler own these rows; verbs are site pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from portal.accounts.models import Role
from portal.accounts.roles import has_role
from requests_app import permissions


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists for the administrator and the auditor; nothing is added, changed or deleted here.

    No field of a file's content is in these lists: reading a file takes a logged reason, on the
    site's own page (`permissions`); reports, opinions and attachments have no admin at all.
    """

    # Path to the request whose visibility decides; empty for rows that belong to none.
    request_path = "request"
    list_per_page = 50
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of requests that the person may know of: one withdrawn from a file sees none (A14).

        The path "pk" is for the list of requests itself.
        """
        found = super().get_queryset(request)
        if not self.request_path:
            return found
        seen = permissions.requests_visible_to(request.user).order_by().values("pk")
        return found.filter(**{f"{self.request_path}__in": seen})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR, Role.AUDITOR)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
