"""« Qui utilise mes données » : what a holder sees of the accesses to its databases."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.accounts.models import Role
from portal.accounts.requests import SignedInRequest
from portal.accounts.roles import has_role
from portal.audit.record import record_view
from requests_app.counter.pages.csv_files import csv_response
from requests_app.counter.reading import request as reading
from requests_app.rights import permissions


PAGE_SIZE = 50
SORTS = {
    "personne": "person__last_name",
    "organisme": "permit__request__organisation__name",
    "dossier": "permit__request__number",
    "depuis": "opened_at",
    "fin": "expires_at",
}


def _accesses(request: SignedInRequest) -> QuerySet[Any]:
    if not has_role(request.user, Role.HOLDER_REPRESENTATIVE, Role.MAIN_BASE_OFFICER):
        raise PermissionDenied(
            _("Cette page est celle des représentants de responsables de données.")
        )
    record_view(request, "grant.holder_view")
    sort = request.GET.get("tri", "")
    key = F(SORTS.get(sort.removeprefix("-"), "opened_at"))
    down = sort.startswith("-") or sort.removeprefix("-") not in SORTS
    order = key.desc(nulls_last=True) if down else key.asc(nulls_last=True)
    return reading.holder_grants(request.user).order_by(order, "pk")


def _url(request_id: UUID, readable: Collection[UUID]) -> str:
    return reverse("requests_app:request", args=[request_id]) if request_id in readable else ""


@require_safe
def holder_accesses(request: SignedInRequest) -> HttpResponse:
    page = Paginator(_accesses(request), PAGE_SIZE).get_page(request.GET.get("page"))
    ids = {grant.permit.request_id for grant in page}
    readable = set(
        permissions.requests_visible_to(request.user)
        .filter(pk__in=ids)
        .order_by()
        .values_list("pk", flat=True)
    )
    page.object_list = [
        {"grant": grant, "url": _url(grant.permit.request_id, readable)} for grant in page
    ]
    export_url = f"{reverse('requests_app:holder_accesses_csv')}?{request.GET.urlencode()}"
    context = {"page": page, "export_url": export_url}
    return render(request, "requests_app/holder/accesses.html", context)


@require_safe
def holder_accesses_csv(request: SignedInRequest) -> HttpResponse:
    headings = [_("Personne"), _("Organisme"), _("Dossier"), _("Titre"), _("Depuis")]
    return csv_response(
        "qui-utilise-mes-donnees",
        [*headings, _("Jusqu’au"), _("Accordé le")],
        (
            [
                grant.person,
                grant.permit.request.organisation,
                grant.permit.request.number,
                grant.permit.request.title,
                grant.opened_at,
                grant.expires_at,
                grant.permit.act.effective_at,
            ]
            for grant in _accesses(request)
        ),
    )
