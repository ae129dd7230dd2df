"""Who enters a list of the administration: by role, never by `is_staff` or Django's permissions.

Administrators edit and act; auditors read everything and change nothing.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.common.days import Bound, DayField, DayInput
from portal.common.fields import LineField
from portal.common.guarded_admin import GuardedAdmin, GuardedInline

from .models import Role
from .otp import FRESH_MINUTES, demand
from .roles import has_role


class SeenByRole:
    """For a list or the rows inside a form. `days`: the bounds of each day that it edits."""

    days: ClassVar[Mapping[str, tuple[Bound, Bound]]] = {}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A day is between two bounds here as everywhere; KeyError when none are given. One-line
        texts keep nothing that is not seen, as on the site's own forms."""
        if isinstance(db_field, models.DateField) and not isinstance(
            db_field, models.DateTimeField
        ):
            earliest, latest = self.days[db_field.name]
            kwargs |= {"form_class": DayField, "earliest": earliest, "latest": latest}
            return db_field.formfield(**kwargs | {"widget": DayInput})
        if type(db_field) is models.CharField and not db_field.choices:
            kwargs.setdefault("form_class", LineField)
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR, Role.AUDITOR)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)


class RoleInline(SeenByRole, GuardedInline):
    """Rows inside a form, for the same people."""


class RoleAdmin(SeenByRole, GuardedAdmin):
    """A list, its pages of fifty and its confirmed actions (`portal.common.admin`)."""

    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def ask_fresh_factor(self, request: HttpRequest) -> HttpResponseBase | None:
        """What asks for the code again before an act that engages somebody; None to go on."""
        return demand(request, fresh_minutes=FRESH_MINUTES)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, Role.ADMINISTRATOR)
