"""Sending invitations, and taking the place they give."""

from uuid import UUID

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import invitations as service
from portal.accounts import registration
from portal.accounts.forms import InvitationForm, RegistrationForm
from portal.accounts.landing import after_invitation
from portal.accounts.links import posted
from portal.accounts.models import Invitation
from portal.accounts.otp import (
    FRESH_MINUTES,
    demand,
    demand_if_needed,
    without_second_factor,
)
from portal.accounts.permissions import can_invite, invitations_visible_to


@require_safe
def invitations(request: HttpRequest) -> HttpResponse:
    rows = invitations_visible_to(request.user).select_related(
        "organisation", "invited_by", "accepted_by"
    )
    context = {
        "page": Paginator(rows, 50).get_page(request.GET.get("page")),
        "can_invite": can_invite(request.user),
    }
    return render(request, "accounts/invitations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponseBase:
    if not can_invite(request.user):
        raise PermissionDenied
    if (asked := demand(request, fresh_minutes=FRESH_MINUTES)) is not None:
        return asked
    form = InvitationForm(posted(request), user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            service.invite(
                kind=Invitation.Kind(form.cleaned_data["kind"]),
                email=form.cleaned_data["email"],
                organisation=form.cleaned_data["organisation"],
                by=request.user,
            )
        except service.TooMany as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("L’invitation est envoyée."))
            return redirect("accounts:invitations")
    return render(request, "accounts/invite.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    invitation = get_object_or_404(invitations_visible_to(request.user), pk=pk)
    if request.method == "POST":
        try:
            service.cancel(invitation, by=request.user)
            messages.success(request, _("L’invitation est annulée : son lien ne vaut plus rien."))
        except service.InvitationUnusable:
            messages.warning(request, _("Cette invitation a déjà été acceptée."))
        return redirect("accounts:invitations")
    context = {
        "heading": _("Annuler l’invitation de %(email)s") % {"email": invitation.email},
        "lead": _("Le lien déjà envoyé cessera de fonctionner."),
        "submit_label": _("Annuler l’invitation"),
        "cancel_url": reverse("accounts:invitations"),
        "cancel_label": _("Ne rien changer"),
        "danger": True,
    }
    return render(request, "layout/confirm.html", context)


@require_POST
def resend(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    invitation = get_object_or_404(invitations_visible_to(request.user), pk=pk)
    if invitation.kind in Invitation.GIVE_CAPACITY:
        if (asked := demand(request, fresh_minutes=FRESH_MINUTES)) is not None:
            return asked
    try:
        service.resend(invitation, by=request.user)
        messages.success(
            request, _("Une nouvelle invitation est envoyée ; l’ancien lien ne vaut plus.")
        )
    except service.InvitationUnusable:
        messages.warning(request, _("Cette invitation est déjà acceptée ou annulée."))
    except service.TooMany as refusal:
        messages.error(request, str(refusal))
    return redirect("accounts:invitations")


def _unusable(request: HttpRequest, why: str = "") -> HttpResponse:
    context = {"purpose": "invitation", "why": why}
    return render(request, "accounts/link_unusable.html", context, status=410)


@login_not_required
@without_second_factor
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """What the invitation gives; accepted by the person logged in, if it is theirs."""
    try:
        found = service.find(token)
        if request.method == "POST" and request.user.is_authenticated:
            # The page is public; a place taken in the name of who holds a role is not.
            asked = demand_if_needed(request)
            if asked is not None:
                return asked
            service.accept(token=token, by=request.user)
            messages.success(request, _("Vous avez accepté l’invitation."))
            return redirect(after_invitation(found))
    except service.InvitationUnusable as gone:
        return _unusable(request, str(gone))
    except service.WrongPerson:
        pass  # the page says so
    wrong = request.user.is_authenticated and not service.is_for(found, request.user)
    context = {
        "invitation": found,
        "token": token,
        "wrong_person": wrong,
        "has_account": bool(registration.accounts_of(found.email)),
    }
    return render(request, "accounts/invitation.html", context, status=403 if wrong else 200)


@login_not_required
@sensitive_post_parameters("password1", "password2")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_register(request: HttpRequest, token: str) -> HttpResponse:
    """An account made from the invitation: its link proves the address."""
    if request.user.is_authenticated:
        return redirect("accounts:invitation", token=token)
    try:
        found = service.find(token)
        form = RegistrationForm(posted(request), email=found.email)
        if request.method == "POST" and form.is_valid():
            user = service.accept_as_new(
                token=token,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password1"],
                fields=form.identity(),
            )
            auth.login(request, user)
            messages.success(request, _("Votre compte est créé et l’invitation est acceptée."))
            return redirect(after_invitation(found))
    except service.InvitationUnusable as gone:
        return _unusable(request, str(gone))
    except IntegrityError:
        form.add_error("username", _("Ce nom d’utilisateur est déjà pris. Choisissez-en un autre."))
    context = {"form": form, "email": found.email, "invitation": found, "token": token}
    return render(request, "accounts/register_confirm.html", context)
