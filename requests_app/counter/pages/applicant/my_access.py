"""My access: the state of each study, the key shown once, another key when it is lost."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.otp import second_factor_required
from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app.counter.reading import my_access
from requests_app.models import Grant
from requests_app.provisioning import custody, reveal


FRESH_MINUTES = 5


@require_safe
@never_cache
def accesses(request: SignedInRequest) -> HttpResponse:
    found = my_access.of(request.user)
    for one in found:
        record_view(request, "grant.my_view", on=one.grant, about=one.grant.permit.request_id)
    context = {"accesses": found, "awaiting": my_access.awaiting(request.user)}
    return render(request, "requests_app/mine/access.html", context)


def _own(request: SignedInRequest, pk: UUID) -> Grant:
    """One's own access; another person's does not exist."""
    return get_object_or_404(
        Grant.objects.select_related("permit__request", "workspace"), pk=pk, person=request.user
    )


@never_cache
@second_factor_required(fresh_minutes=FRESH_MINUTES)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """Confirm, then the key: once, after a second factor passed a moment ago, never stored."""
    grant = _own(request, pk)
    if request.method != "POST":
        if not reveal.can_reveal(grant):
            messages.info(request, _("Aucune clé n’attend d’être affichée."))
            return redirect("requests_app:my_access")
        context = {
            "heading": _("Afficher la clé d’accès"),
            "lead": grant.permit.request.title,
            "consequences": [
                _("La clé s’affiche une seule fois : gardez-la dans un coffre de mots de passe."),
                _("Elle est personnelle : ne la transmettez à personne, même de votre équipe."),
                _("Perdue, elle se remplace : l’ancienne cesse alors de fonctionner."),
            ],
            "submit_label": _("Afficher la clé"),
            "cancel_url": reverse("requests_app:my_access"),
        }
        return _no_store(render(request, "layout/confirm.html", context))
    return _no_store(_reveal(request, grant))


@sensitive_variables("shown", "context")
def _reveal(request: SignedInRequest, grant: Grant) -> HttpResponse:
    try:
        shown = reveal.reveal(grant, by=request.user)
    except reveal.RevealRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("requests_app:my_access")
    except custody.CustodyError:
        messages.error(
            request, _("La clé ne peut pas être lue maintenant. L’opérateur est l’interlocuteur.")
        )
        return redirect("requests_app:my_access")
    context = {"grant": grant, "shown": shown, "settings": shown.settings}
    return render(request, "requests_app/mine/key.html", context)


def _no_store(response: HttpResponse) -> HttpResponse:
    """Not `Referrer-Policy: no-referrer`: browsers then post `Origin: null`, which CSRF refuses;
    the site's `same-origin` tells no third party anything."""
    response["Cache-Control"] = "no-store, private"
    return response


@never_cache
@second_factor_required(fresh_minutes=FRESH_MINUTES)
@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """Ask for another key; the old one stops first."""
    grant = _own(request, pk)
    if request.method == "POST":
        try:
            reveal.rotate(grant, by=request.user)
        except reveal.RevealRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("Une nouvelle clé se prépare. Elle sera prête dans une minute environ.")
            )
        return redirect("requests_app:my_access")
    context: dict[str, Any] = {
        "heading": _("Renouveler la clé d’accès"),
        "lead": grant.permit.request.title,
        "consequences": [
            _("L’ancienne clé cesse de fonctionner tout de suite."),
            _("La nouvelle s’affiche ici, une seule fois, dès qu’elle est prête."),
        ],
        "submit_label": _("Renouveler la clé"),
        "cancel_url": reverse("requests_app:my_access"),
    }
    return render(request, "layout/confirm.html", context)
