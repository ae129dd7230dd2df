"""The account: identity, address, conditions, terms of use."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import registration, terms
from portal.accounts.conditions import conditions_of, interests_of
from portal.accounts.forms import EmailForm, IdentityForm, TermsForm
from portal.accounts.links import next_url, posted
from portal.accounts.models import ApiToken, EmailLink, FactorReset, Membership, RoleAssignment
from portal.accounts.otp import if_installed, is_verified, without_second_factor
from portal.accounts.permissions import can_invite, needs_second_factor
from portal.accounts.registration import LinkUnusable
from portal.accounts.second_factor import state_of
from portal.common.calendar import legal_today

from .registration import throttled, too_many_mails


@require_safe
@without_second_factor
def account(request: HttpRequest) -> HttpResponse:
    user = request.user
    memberships = Membership.objects.filter(user=user).select_related("organisation")
    context = {
        "conditions": conditions_of(user),
        "factor": state_of(user),
        "factor_needed": needs_second_factor(user),
        "verified": is_verified(request),
        "factor_reset": FactorReset.objects.open().filter(user=user).first(),
        "trainings": user.trainings.all(),
        "today": legal_today(),
        "terms_version": terms.CURRENT_TERMS,
        "acceptances": user.terms_acceptances.order_by("-accepted_at"),
        "memberships": memberships.order_by("ended_at", "organisation__name"),
        "assignments": RoleAssignment.objects.active().filter(user=user).select_related("scope"),
        "tokens": ApiToken.objects.filter(user=user).usable(),
        "can_invite": can_invite(user),
        "contact_email": settings.SITE_FACTS["contact_email"],
        "interests": interests_of(user),
    }
    return render(request, "accounts/account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def identity(request: HttpRequest) -> HttpResponse:
    form = IdentityForm(posted(request), instance=request.user)
    if request.method == "POST" and form.is_valid():
        registration.change_identity(by=request.user, fields=form.cleaned_data)
        messages.success(request, _("Votre identité est enregistrée."))
        return redirect("accounts:account")
    return render(request, "accounts/identity.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@if_installed
def email(request: HttpRequest) -> HttpResponse:
    unconfirmed = request.user.email if request.user.email_confirmed_at is None else ""
    form = EmailForm(posted(request), initial={"email": unconfirmed})
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["email"]
        if minutes := too_many_mails(request, address):
            return throttled(request, minutes)
        registration.ask_email_change(email=address, by=request.user)
        messages.success(
            request,
            _("Un lien est parti à cette adresse. Ouvrez-le pour la confirmer."),
        )
        return redirect("accounts:account")
    return render(request, "accounts/email.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    try:
        link = registration.open_link(EmailLink.Purpose.CHANGE, token)
        if link.user_id != request.user.pk:
            raise LinkUnusable
        if request.method == "POST":
            registration.change_email(token=token, by=request.user)
            messages.success(request, _("Votre adresse est changée."))
            return redirect("accounts:account")
    except LinkUnusable:
        return render(request, "accounts/link_unusable.html", {"purpose": "change"}, status=410)
    context = {
        "heading": _("Confirmer votre nouvelle adresse"),
        "lead": _("Les messages du guichet vous parviendront désormais à %(email)s.")
        % {"email": link.email},
        "submit_label": _("Utiliser cette adresse"),
        "cancel_url": reverse("accounts:account"),
    }
    return render(request, "layout/confirm.html", context)


@require_safe
@login_not_required
def terms_page(request: HttpRequest, version: str = terms.CURRENT_TERMS) -> HttpResponse:
    template = f"accounts/terms/{version}.html"
    try:
        get_template(template)
    except TemplateDoesNotExist:
        raise Http404 from None
    accepted = terms.accepted(request.user, version) if request.user.is_authenticated else None
    context = {
        "text": template,
        "version": version,
        "current": version == terms.CURRENT_TERMS,
        "accepted": accepted,
        "form": TermsForm(),
        "next": next_url(request, ""),
    }
    return render(request, "accounts/terms.html", context)


@require_POST
def accept_terms(request: HttpRequest) -> HttpResponse:
    form = TermsForm(request.POST)
    if not form.is_valid():
        context = {
            "text": f"accounts/terms/{terms.CURRENT_TERMS}.html",
            "version": terms.CURRENT_TERMS,
            "current": True,
            "form": form,
            "next": next_url(request, ""),
        }
        return render(request, "accounts/terms.html", context)
    terms.accept(by=request.user)
    messages.success(request, _("Votre acceptation des conditions est enregistrée."))
    return redirect(next_url(request, reverse("accounts:account")))
