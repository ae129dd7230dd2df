"""Accesses by person and by organisation: to stop, resume or close all of them at once."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app.counter.forms.operations import ReasonForm
from requests_app.counter.pages.helpers import fresh_factor
from requests_app.permits import operations


PAGE_SIZE = 50
KINDS = {"organismes": gettext_lazy("Par organisme"), "personnes": gettext_lazy("Par personne")}
PAGES = {"organismes": "operations_organisations", "personnes": "operations_persons"}
# (label of the button, what it does, whether it takes away)
WORDS: dict[str, tuple[str | Promise, str | Promise, bool]] = {
    "suspend": (
        gettext_lazy("Suspendre"),
        gettext_lazy("Tous les accès sont coupés jusqu’à la reprise, dans toutes les études."),
        True,
    ),
    "resume": (
        gettext_lazy("Reprendre"),
        gettext_lazy(
            "Plus aucun accès n’est suspendu ; les clés d’avant, s’il y en a, fonctionnent."
            " Vérifiez qu’aucun n’était suspendu pour un autre motif."
        ),
        False,
    ),
    "revoke": (
        gettext_lazy("Retirer tous les accès"),
        gettext_lazy(
            "Les clés qui existent sont détruites et leur refus est prouvé. Rien ne les rétablit."
        ),
        True,
    ),
}


def _rows(kind: str) -> Any:
    return operations.organisations() if kind == "organismes" else operations.persons()


def _search(rows: Any, kind: str, words: str) -> Any:
    if not words:
        return rows
    if kind == "organismes":
        return rows.filter(Q(name__icontains=words) | Q(acronym__icontains=words))
    return rows.filter(
        Q(last_name__icontains=words)
        | Q(first_name__icontains=words)
        | Q(username__icontains=words)
    )


@require_safe
def bodies_page(request: SignedInRequest, kind: str) -> HttpResponse:
    if not operations.may_see(request.user):
        raise PermissionDenied(_("Cette page est celle des opérateurs."))
    record_view(request, "grant.bodies_view")
    words = " ".join(request.GET.get("q", "").replace("\0", "").split())[:100]
    page = Paginator(_search(_rows(kind), kind, words), PAGE_SIZE).get_page(request.GET.get("page"))
    acts = operations.may_act(request.user)
    own = operations.own_bodies(page, by=request.user) if acts else set()
    page.object_list = [_shown(kind, row, acts=acts and row.pk not in own) for row in page]
    context = {
        "page": page,
        "q": words,
        "kind": kind,
        "heading": KINDS[kind],
        "tabs": [
            {
                "url": reverse(f"requests_app:{PAGES[key]}"),
                "label": label,
                "current": key == kind,
                "count": None,
            }
            for key, label in KINDS.items()
        ],
    }
    return render(request, "requests_app/operations/bodies.html", context)


def _url(kind: str, pk: UUID, name: str) -> str:
    return reverse("requests_app:body_operation", kwargs={"kind": kind, "pk": pk, "name": name})


def _shown(kind: str, row: Any, *, acts: bool) -> dict[str, Any]:
    body = operations.Body.read(row)
    buttons = [
        {"label": WORDS[name][0], "url": _url(kind, row.pk, name)}
        for name in operations.for_body(body, acts=acts)
    ]
    return {"body": body, "buttons": buttons}


def _consequences(body: operations.Body) -> list[str]:
    n = body.live
    return [
        str(body),
        ngettext("%(n)d accès concerné", "%(n)d accès concernés", n) % {"n": n},
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def body_operation(request: SignedInRequest, kind: str, pk: UUID, name: str) -> HttpResponseBase:
    if not operations.may_see(request.user):
        raise PermissionDenied(_("Cette page est celle des opérateurs."))
    row = _rows(kind).filter(pk=pk).first()
    if row is None:
        raise Http404
    body = operations.Body.read(row)
    if name not in operations.for_body(body, acts=operations.may_act(request.user)):
        raise PermissionDenied(_("Cette action n’est pas possible maintenant."))
    asked = fresh_factor(request, needed=operations.needs_fresh_factor(name))
    if asked is not None:
        return asked
    back = reverse(f"requests_app:{PAGES[kind]}")
    label, lead, danger = WORDS[name]
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            operations.perform(name, row, by=request.user, reason=form.cleaned_data["reason"])
        except operations.OperationRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(
                request,
                _("C’est demandé. La page de chaque étude en montre l’avancement dans la minute."),
            )
            return redirect(back)
    context = {
        "heading": label,
        "lead": lead,
        "consequences": _consequences(body),
        "form": form,
        "submit_label": label,
        "cancel_url": back,
        "danger": danger,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "layout/confirm.html", context, status=status)
