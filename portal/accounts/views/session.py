"""Logging in and out."""

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import signals, throttle
from portal.accounts.forms import LoginForm
from portal.accounts.landing import landing
from portal.accounts.links import next_url, posted
from portal.accounts.models import User
from portal.accounts.otp import without_second_factor


def _take(username: str, address: str) -> int:
    """Count this try; minutes to wait when there were too many."""
    return throttle.take(throttle.LOGIN_BY_ADDRESS, address) or throttle.take(
        throttle.LOGIN_BY_NAME, username
    )


def _succeeded(username: str, address: str) -> None:
    throttle.clear(throttle.LOGIN_BY_NAME, username)
    throttle.give_back(throttle.LOGIN_BY_ADDRESS, address)


def _failed(username: str) -> None:
    known = User.objects.filter(username=username).first()
    signals.refusal("account.login", by=None, on=known)


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(next_url(request, landing(request.user)))
    form = LoginForm(posted(request))
    status = 200
    if request.method == "POST" and form.is_valid():
        username, address = form.cleaned_data["username"], throttle.client_address(request)
        if minutes := _take(username, address):
            text = ngettext(
                "Trop de tentatives. Réessayez dans %(n)s minute, ou réinitialisez votre mot de"
                " passe.",
                "Trop de tentatives. Réessayez dans %(n)s minutes, ou réinitialisez votre mot de"
                " passe.",
                minutes,
            )
            form.add_error(None, text % {"n": minutes})
            status = 429
        else:
            user = auth.authenticate(request, **form.cleaned_data)
            if user is not None:
                _succeeded(username, address)
                auth.login(request, user)
                signals.event("account.login", by=user, on=user)
                return redirect(next_url(request, landing(user)))
            _failed(username)
            form.add_error(
                None,
                _(
                    "Nom d’utilisateur ou mot de passe incorrect. Vérifiez les majuscules, ou"
                    " réinitialisez votre mot de passe."
                ),
            )
    context = {"form": form, "next": next_url(request, "")}
    return render(request, "accounts/login.html", context, status=status)


@require_POST
@login_not_required
@without_second_factor
def logout(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        signals.event("account.logout", by=request.user, on=request.user)
        auth.logout(request)
        messages.success(request, _("Vous êtes déconnecté."))
    return redirect("accounts:login")
