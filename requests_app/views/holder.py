"""« Qui utilise mes données » : what a holder sees of the accesses to its databases."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.accounts.models import Role
from portal.accounts.roles import has_role
from portal.audit.record import record_view
from requests_app import reading


PAGE_SIZE = 50


@require_safe
def holder_accesses(request: HttpRequest) -> HttpResponse:
    if not has_role(request.user, Role.HOLDER_REPRESENTATIVE):
        raise PermissionDenied(
            _("Cette page est celle des représentants de responsables de données.")
        )
    record_view(request, "grant.holder_view")
    page = Paginator(reading.holder_grants(request.user), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(request, "requests_app/holder/accesses.html", {"page": page})
