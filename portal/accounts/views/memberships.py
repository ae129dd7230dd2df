"""Belonging to organisations: asking, leaving, confirming."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts import memberships as service
from portal.accounts import throttle
from portal.accounts.forms import AnswerForm, MembershipForm, ReasonForm
from portal.accounts.links import posted
from portal.accounts.models import Membership, Role
from portal.accounts.otp import FRESH_MINUTES, demand
from portal.accounts.permissions import (
    can_confirm,
    can_end_membership,
    managed_organisations,
    memberships_to_confirm,
)
from portal.accounts.roles import has_role


_SORTS = {
    "date": "created_at",
    "personne": "user__last_name",
    "organisme": "organisation__name",
}


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    form = MembershipForm(posted(request), user=request.user)
    if request.method == "POST" and form.is_valid():
        if throttle.take(throttle.MEMBERSHIPS_BY_PERSON, str(request.user.pk)):
            form.add_error(
                None, _("Vous avez fait beaucoup de demandes aujourd’hui. Réessayez demain.")
            )
            return render(request, "accounts/membership_ask.html", {"form": form}, status=429)
        organisation = form.cleaned_data["organisation"]
        membership = service.ask(
            by=request.user,
            organisation=organisation,
            new=None if organisation else form.described(),
            to_sign=form.cleaned_data["to_sign"],
        )
        messages.success(request, _said_of_demand(membership))
        return redirect("accounts:account")
    return render(request, "accounts/membership_ask.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def ask_to_sign(request: HttpRequest, pk: UUID) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.open().select_related("organisation"), pk=pk, user=request.user
    )
    if request.method == "POST":
        service.ask_to_sign(membership, by=request.user)
        messages.success(request, _("Votre demande de capacité à signer est envoyée."))
        return redirect("accounts:account")
    context = {
        "heading": _("Demander la capacité de signer"),
        "lead": _("Vous pourrez signer les demandes déposées pour « %(name)s ».")
        % {"name": membership.organisation.name},
        "consequences": [
            _("C’est réservé au représentant légal ou à la personne à qui il a délégué."),
            _("Un gestionnaire de l’organisme ou le secrétariat vérifie votre qualité."),
        ],
        "submit_label": _("Envoyer la demande"),
        "cancel_url": reverse("accounts:account"),
    }
    return render(request, "layout/confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: UUID) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.open().select_related("organisation", "user"), pk=pk
    )
    if not can_end_membership(request.user, membership):
        raise Http404
    leaving = membership.user_id == request.user.pk
    form = None if leaving else ReasonForm(posted(request))
    back = reverse("accounts:account") if leaving else reverse("accounts:confirmations")
    if request.method == "POST" and (form is None or form.is_valid()):
        reason = form.cleaned_data["reason"] if form else ""
        service.end(membership, by=request.user, reason=reason)
        messages.success(request, _("L’appartenance est terminée."))
        return redirect(back)
    names = {"person": str(membership.user), "name": membership.organisation.name}
    context = {
        "heading": _("Quitter « %(name)s »") % names
        if leaving
        else _("Mettre fin à l’appartenance de %(person)s à « %(name)s »") % names,
        "lead": _("La capacité de signer et la gestion de l’organisme cessent aussitôt."),
        "form": form,
        "submit_label": _("Quitter l’organisme") if leaving else _("Mettre fin à l’appartenance"),
        "cancel_url": back,
        "danger": True,
    }
    return render(request, "layout/confirm.html", context)


def _may_open(request: HttpRequest) -> bool:
    return has_role(request.user, Role.SECRETARIAT) or managed_organisations(request.user).exists()


def _sorted(request: HttpRequest, rows: QuerySet[Membership]) -> QuerySet[Membership]:
    asked = request.GET.get("tri", "date")
    field = _SORTS.get(asked.removeprefix("-"), "created_at")
    return rows.order_by(f"-{field}" if asked.startswith("-") else field, "pk")


@require_safe
def confirmations(request: HttpRequest) -> HttpResponse:
    """What waits for an answer, oldest first, and the members already confirmed."""
    if not _may_open(request):
        raise PermissionDenied
    members = request.GET.get("voir") == "membres"
    pending = memberships_to_confirm(request.user)
    if members:
        rows = Membership.objects.confirmed().exclude(user=request.user)
        if not has_role(request.user, Role.SECRETARIAT):
            rows = rows.filter(organisation__in=managed_organisations(request.user))
    else:
        rows = pending
    rows = _sorted(request, rows.select_related("user", "organisation"))
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    url = reverse("accounts:confirmations")
    tabs = [
        {"label": _("À confirmer"), "url": url, "current": not members, "count": pending.count()},
        {"label": _("Membres"), "url": f"{url}?voir=membres", "current": members},
    ]
    context = {"page": page, "members": members, "tabs": tabs}
    return render(request, "accounts/confirmations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def confirmation(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    membership = get_object_or_404(Membership.objects.select_related("user", "organisation"), pk=pk)
    if not _may_open(request):
        raise Http404
    if not can_confirm(request.user, membership):
        if membership.ended_at or membership.confirmed_at:
            return _answered(request, membership)
        raise Http404
    if (asked := demand(request, fresh_minutes=FRESH_MINUTES)) is not None:
        return asked
    form = AnswerForm(posted(request), membership=membership, user=request.user)
    if request.method == "POST" and form.is_valid():
        return _answer(request, membership, form)
    website = membership.organisation.website
    context = {
        "membership": membership,
        "form": form,
        "same_domain": service.same_domain(membership.user.email, website) if website else None,
    }
    return render(request, "accounts/confirmation.html", context)


def _told(done: str, membership: Membership) -> str:
    """Whoever has neither account nor address any more is told nothing."""
    user = membership.user
    return (
        _("%(done)s La personne est prévenue.") % {"done": done} if service.reached(user) else done
    )


def _said_of_demand(membership: Membership) -> str:
    """A demand is answered by somebody: a page does not promise an answer when there is nobody."""
    if any(service.reached(one) for one in service.confirmers_of(membership)):
        return _("Votre demande est envoyée. Vous recevrez un message dès qu’elle aura sa réponse.")
    return _(
        "Votre demande est enregistrée, mais personne ne peut encore y répondre dans le portail."
        " Écrivez au guichet."
    )


def _done(form: AnswerForm) -> str:
    """What the answer did, in words."""
    answer = form.cleaned_data["answer"]
    if answer == AnswerForm.SIGN and form.signing_only:
        return _("La capacité de signer est confirmée.")
    return {
        AnswerForm.ACCEPT: _("L’appartenance est confirmée."),
        AnswerForm.SIGN: _("L’appartenance et la capacité de signer sont confirmées."),
        AnswerForm.MEMBER: _("L’appartenance est confirmée, la capacité de signer est refusée."),
        AnswerForm.REFUSE: _("Le refus est enregistré."),
    }[answer]


def _answer(request: HttpRequest, membership: Membership, form: AnswerForm) -> HttpResponse:
    try:
        if form.cleaned_data["answer"] == AnswerForm.REFUSE:
            service.refuse(membership, by=request.user, reason=form.cleaned_data["reason"])
        else:
            service.confirm(
                membership,
                by=request.user,
                may_sign=form.may_sign,
                manager=bool(form.cleaned_data.get("manager")),
                reason=form.cleaned_data["reason"],
            )
    except service.AlreadyAnswered:
        return _answered(request, membership)
    messages.success(request, _told(_done(form), membership))
    return redirect("accounts:confirmations")


def _answered(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Only who could have answered is told that somebody did."""
    may_see = has_role(request.user, Role.SECRETARIAT) or managed_organisations(
        request.user
    ).contains(membership.organisation)
    if not may_see or membership.user_id == request.user.pk:
        raise Http404
    messages.info(request, _("Cette demande a déjà reçu une réponse."))
    return redirect("accounts:confirmations")
