"""Recovering and changing a password."""

from typing import Any

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts import registration, throttle
from portal.accounts.forms import EmailForm, NewPasswordForm, PasswordChangeForm
from portal.accounts.links import posted
from portal.accounts.otp import if_installed

from .registration import throttled, too_many_mails


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    form = EmailForm(posted(request))
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if minutes := too_many_mails(request, email):
            return throttled(request, minutes)
        registration.ask_reset(email=email)
        return redirect("accounts:password_reset_sent")
    return render(request, "accounts/password_reset.html", {"form": form})


@require_safe
@login_not_required
def password_reset_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_reset_sent.html")


class PasswordResetConfirm(PasswordResetConfirmView):
    """Django's: the token moves from the address to the session, and dies with the old password."""

    form_class = NewPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("accounts:login")

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            registration.password_changed(user=form.user, by_link=True)
        # Whoever tried too often reads « réinitialisez votre mot de passe »: it has to let them in.
        throttle.clear(throttle.LOGIN_BY_NAME, form.user.username)
        messages.success(
            self.request, _("Votre mot de passe est changé. Connectez-vous avec le nouveau.")
        )
        return response


@never_cache
@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@require_http_methods(["GET", "HEAD", "POST"])
@if_installed
def password_change(request: HttpRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, posted(request))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            user = form.save()
            registration.password_changed(user=user, by_link=False)
        auth.update_session_auth_hash(request, user)
        messages.success(request, _("Votre mot de passe est changé."))
        return redirect("accounts:account")
    return render(request, "accounts/password_change.html", {"form": form})
