"""Creating an account from a confirmed address."""

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts import registration, throttle
from portal.accounts.forms import EmailForm, RegistrationForm
from portal.accounts.links import posted
from portal.accounts.models import EmailLink


def too_many_mails(request: HttpRequest, email: str) -> int:
    """Minutes to wait before another mail is sent to this address, or asked from here."""
    return throttle.take(
        throttle.MAIL_BY_ADDRESS, throttle.client_address(request)
    ) or throttle.take(throttle.MAIL_BY_RECIPIENT, email)


def throttled(request: HttpRequest, minutes: int) -> HttpResponse:
    return render(request, "429.html", {"minutes": minutes}, status=429)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("accounts:account")
    form = EmailForm(posted(request))
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if minutes := too_many_mails(request, email):
            return throttled(request, minutes)
        registration.ask_registration(email=email)
        return redirect("accounts:register_sent")
    return render(request, "accounts/register.html", {"form": form})


@require_safe
@login_not_required
def register_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/register_sent.html")


@login_not_required
@sensitive_post_parameters("password1", "password2")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register_confirm(request: HttpRequest, token: str) -> HttpResponse:
    if request.user.is_authenticated:
        messages.info(request, _("Vous êtes déjà connecté à un compte."))
        return redirect("accounts:account")
    try:
        link = registration.open_link(EmailLink.Purpose.REGISTER, token)
        form = RegistrationForm(posted(request), email=link.email)
        if request.method == "POST" and form.is_valid():
            user = registration.register(
                token=token,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password1"],
                fields=form.identity(),
            )
            auth.login(request, user)
            messages.success(request, _("Votre compte est créé."))
            return redirect("accounts:account")
    except registration.LinkUnusable:
        return render(request, "accounts/link_unusable.html", {"purpose": "register"}, status=410)
    except IntegrityError:  # the same name, taken between the check and the insert
        form.add_error("username", _("Ce nom d’utilisateur est déjà pris. Choisissez-en un autre."))
    return render(request, "accounts/register_confirm.html", {"form": form, "email": link.email})
