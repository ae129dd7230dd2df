"""Django's admin behind the portal's own login, second factor and roles."""

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

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
