"""Who is not signed in is sent to the login page; a form that was sent is given back first."""

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.common.addresses import nearest_open, page_before
from portal.common.given_back import give_back, typed


class GivesBackMiddleware(LoginRequiredMiddleware):
    """As Django's, but nothing typed is lost, and one comes back to a page that opens."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        scripted = request.headers.get("HX-Request") or request.headers.get("X-Autosave")
        if request.method == "POST" and not scripted and any(value for _, value in typed(request)):
            return give_back(request, reason="session")
        if request.method not in {"GET", "HEAD"}:
            return redirect_to_login(page_before(request), self.get_login_url(view_func))
        return redirect_to_login(
            nearest_open(request.get_full_path()), self.get_login_url(view_func)
        )
