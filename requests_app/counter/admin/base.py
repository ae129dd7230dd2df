"""Read-only lists: the workflow and the reconciler own these rows; verbs are site pages."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from portal.accounts.admin_roles import RoleAdmin
from portal.common.admin import ReadOnlyMixin
from requests_app.rights.seen import seen_at


class ReadOnlyAdmin(ReadOnlyMixin, RoleAdmin):
    """Lists for the administrator and the auditor; nothing is added, changed or deleted here.

    No field of a file's content is in these lists: reading a file takes a logged reason, on the
    site's own page (`permissions`); reports, opinions and attachments have no admin at all.
    """

    # Path to the request whose visibility decides; empty for rows that belong to none.
    request_path = "request"
    actions = None

    class Media:
        css = {"all": ["requests_app/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of requests that the person may know of: one withdrawn from a file sees none (A14).

        The path "pk" is for the list of requests itself.
        """
        found = super().get_queryset(request)
        if not self.request_path:
            return found
        return found.filter(seen_at(request.user, self.request_path))

    def about_of(self, obj: Any) -> UUID | None:
        """The look belongs to the story of the row's request."""
        if not self.request_path:
            return None
        found = type(obj)._default_manager.filter(pk=obj.pk)  # noqa: SLF001
        about: UUID | None = found.values_list(self.request_path, flat=True).first()
        return about
