"""My requests: those of my teams, and those I sign or signed."""

import csv
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.accounts.requests import SignedInRequest
from requests_app.dossier import orientation
from requests_app.models import EDITABLE_STATES, AccessRequest, RequestMember, RequestState
from requests_app.procedures.registry import UnknownProcedure
from requests_app.rights import permissions, standing
from requests_app.rights.visibility import TEAM_KINDS
from requests_app.selection.exports import inert
from requests_app.workflow.abilities import unreadable, who_must_act_on


PAGE_SIZE = 20
SORTS = {"numero": "number", "titre": "title", "etat": "state", "modifiee": "updated_at"}


def _mine(request: SignedInRequest) -> QuerySet[AccessRequest]:
    """Requests of the person's teams, and those whose version they may sign."""
    in_team = RequestMember.objects.current().filter(user=request.user)
    return (
        permissions.requests_visible_to(request.user)
        .filter(Q(pk__in=in_team.values("request")) | Q(pk__in=_to_sign(request).values("pk")))
        .select_related("organisation")
    )


def _to_sign(request: SignedInRequest) -> QuerySet[AccessRequest]:
    return permissions.requests_with(request.user, "version_to_sign")


def _filtered(request: SignedInRequest) -> tuple[QuerySet[AccessRequest], dict[str, str]]:
    chosen = {
        "q": " ".join(request.GET.get("q", "").split())[:100],
        "etat": request.GET.get("etat", ""),
    }
    found = _mine(request)
    if chosen["q"]:
        found = found.filter(Q(number__icontains=chosen["q"]) | Q(title__icontains=chosen["q"]))
    if chosen["etat"] in RequestState.values:
        found = found.filter(state=chosen["etat"])
    else:
        chosen["etat"] = ""
    sort = request.GET.get("tri", "-modifiee")
    name = SORTS.get(sort.removeprefix("-"), "updated_at")
    return found.order_by(f"-{name}" if sort.startswith("-") else name, "pk"), chosen


def _url(access_request: AccessRequest) -> str:
    """A file to fill in opens on its draft, the others on their follow-up."""
    page = "draft" if access_request.state in EDITABLE_STATES else "request"
    return reverse(f"requests_app:{page}", args=[access_request.pk])


def _procedure_of(access_request: AccessRequest) -> str:
    try:
        return str(access_request.procedure.short_title)
    except UnknownProcedure:
        return unreadable()


@require_safe
def my_requests(request: SignedInRequest) -> HttpResponse:
    found, chosen = _filtered(request)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    team = set(
        RequestMember.objects.current()
        .filter(user=request.user, kind__in=TEAM_KINDS, request__in=[one.pk for one in page])
        .values_list("request_id", flat=True)
    )
    waiting = who_must_act_on(list(page))
    lacking = standing.lacking_to_sign(request.user, list(page))
    rows: list[dict[str, Any]] = []
    for one in page:
        signs = one.state in {RequestState.AWAITING_SIGNATURE, RequestState.SIGNATURE_CHECK}
        rows.append(
            {
                "request": one,
                "url": _url(one)
                if one.pk in team
                else reverse("requests_app:request", args=[one.pk]),
                "sign_url": reverse("requests_app:sign", args=[one.pk]) if signs else "",
                "waiting": waiting[one.pk],
                "lacks": lacking.get(one.organisation_id, "")
                if signs and one.pk not in team
                else "",
                "procedure": _procedure_of(one),
            }
        )
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": page,
        "rows": rows,
        "filters": chosen,
        "filtered": any(chosen.values()),
        "states": RequestState.choices,
        "others": orientation.without_questions(),
        "export_url": f"{reverse('requests_app:my_requests_csv')}?{query.urlencode()}",
    }
    return render(request, "requests_app/mine/requests.html", context)


@require_safe
def my_requests_csv(request: SignedInRequest) -> HttpResponse:
    found, _chosen = _filtered(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="mes-demandes.csv"'
    response.write("\ufeff")
    writer = csv.writer(response, delimiter=";")
    writer.writerow(
        [
            _("Numéro"),
            _("Titre"),
            _("État"),
            _("Organisme"),
            _("Déposée le"),
            _("Qui doit agir"),
            _("Ce qui est attendu"),
            _("Avant le"),
        ]
    )
    requests = list(found)
    waiting = who_must_act_on(requests)
    for one in requests:
        cells = [one.number or "", one.title, str(one.get_state_display()), one.organisation.name]
        deposited = localtime(one.submitted_at).strftime("%Y-%m-%d") if one.submitted_at else ""
        first = next(iter(waiting[one.pk]), None)
        awaited = [inert(first.who), inert(first.what)] if first else ["", ""]
        due = localtime(first.due_at).strftime("%Y-%m-%d") if first and first.due_at else ""
        writer.writerow([*(inert(cell) for cell in cells), deposited, *awaited, due])
    return response
