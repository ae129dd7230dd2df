"""Django's admin behind the portal's own login, second factor and roles."""

from types import new_class
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from portal.common.guarded_admin import GuardedAdmin, GuardedAutocomplete
from portal.common.sensitive import without_sensitive

from .admin_roles import RoleAdmin
from .models import Role
from .otp import demand, is_verified
from .roles import has_role


ADMIN_ROLES = (Role.ADMINISTRATOR, Role.AUDITOR, Role.DPO)


class GuichetAdminSite(AdminSite):
    """Open to administrators, and to readers of the log, once the second factor is passed."""

    site_header = _("Administration du Guichet")
    site_title = _("Administration du Guichet")
    index_title = _("Tables")

    def has_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, *ADMIN_ROLES) and is_verified(request)

    def register(
        self, model_or_iterable: Any, admin_class: type[ModelAdmin] | None = None, **options: Any
    ) -> None:
        """A library's own list becomes one of ours: what it may be asked, and who may ask."""
        kind = admin_class or RoleAdmin
        if not issubclass(kind, GuardedAdmin):
            kind = new_class(f"Guarded{kind.__name__}", (RoleAdmin, kind))
        super().register(model_or_iterable, kind, **options)

    def get_urls(self) -> list[Any]:
        """Without the address that opens any row of any table by its type and number."""
        return [one for one in super().get_urls() if getattr(one, "name", "") != "view_on_site"]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return GuardedAutocomplete.as_view(admin_site=self)(request)

    def get_log_entries(self, request: HttpRequest) -> QuerySet[Any]:
        return without_sensitive(super().get_log_entries(request))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponseBase:
        """The portal's page: it is recorded, and its owner told by mail."""
        return redirect("accounts:password_change")

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponseBase:
        """The portal's login and step-up pages stand in for the admin's own form."""
        target = request.GET.get("next") or reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(target)
        if not has_role(request.user, *ADMIN_ROLES):
            raise PermissionDenied
        answer = demand(request)
        return answer if answer is not None else redirect_to_login(target)
