"""The extract of a study: asked for, prepared by the worker, confirmed by a second person."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app.counter.pages.links import act_links
from requests_app.counter.pages.request import visible_request
from requests_app.models import Workspace
from requests_app.permits import extraction
from requests_app.provisioning.extract import confirming
from requests_app.rights import permissions
from requests_app.workflow.abilities import abilities


@require_http_methods(["GET", "HEAD", "POST"])
def extraction_page(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    prepares = permissions.can(request.user, "prepare_extract", access_request)
    confirms = permissions.can(request.user, "confirm_extract", access_request)
    if not prepares and (not confirms or request.method == "POST"):
        why = permissions.why_not(request.user, "prepare_extract", access_request)
        raise PermissionDenied(why or _("Cette page est celle des opérateurs."))
    if request.method == "POST":
        try:
            extraction.ask(access_request, by=request.user)
        except extraction.AskRefused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(
                request, _("L’extraction est demandée ; rechargez la page dans un instant.")
            )
        return redirect("requests_app:extraction", access_request.pk)
    record_view(request, "extract.view", on=access_request, about=access_request.pk)
    workspace = (
        Workspace.objects.select_related("extract__confirmed_by")
        .filter(request=access_request)
        .first()
    )
    mine = abilities(access_request, user=request.user)
    why_not = confirming.confirmation_refusals(workspace, by=request.user)
    context = {
        "access_request": access_request,
        "workspace": workspace,
        "reviewed": extraction.review(access_request, workspace),
        "prepared": workspace is not None and workspace.deposits.exists(),
        "prepares": prepares,
        "askable": extraction.is_askable(access_request),
        "acts": [link for link in act_links(access_request, mine) if link.name == "confirm_extract"]
        if not why_not
        else [],
        "why_not": why_not,
    }
    return render(request, "requests_app/operations/extraction.html", context)
