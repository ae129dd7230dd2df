"""The completeness grid: one verdict per piece, then one message or one acceptance."""

from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from requests_app.counter.forms.completeness import PieceReviewForm
from requests_app.counter.pages.links import act_links
from requests_app.counter.pages.request import visible_request
from requests_app.dossier import uploads
from requests_app.models import Stage
from requests_app.procedures.kind import Trait
from requests_app.rights import permissions
from requests_app.workflow import completeness_grid
from requests_app.workflow.abilities import abilities


@csp_update({"frame-src": [SELF]})  # the piece that is read beside the grid
@require_http_methods(["GET", "HEAD", "POST"])
def completeness(request: SignedInRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    stage = get_object_or_404(Stage.objects.having(Trait.FIRST), request=access_request)
    mine = [
        one
        for one in abilities(access_request, user=request.user)
        if one.stage is not None and one.stage.pk == stage.pk
    ]
    if not mine:
        why = permissions.why_not(request.user, "review_piece", access_request)
        raise PermissionDenied(
            why or _("Le contrôle de complétude n’est pas à faire, ou pas par vous.")
        )
    record_view(request, "request.view", on=access_request, about=pk)
    links = [one for one in act_links(access_request, mine) if one.name != "completeness"]
    rows = completeness_grid.pieces_of(access_request)
    data = request.POST if request.method == "POST" else None
    for row in rows:
        row["form"] = PieceReviewForm(data, piece=row["piece"])
        file = row["piece"].file
        place = [access_request.pk, file.pk] if file else []
        row["url"] = reverse("requests_app:file", args=place) if file else ""
        pdf = file is not None and file.content_type == uploads.PDF
        row["inline_url"] = reverse("requests_app:file_in_page", args=place) if pdf else ""
    if data is not None and all([row["form"].is_valid() for row in rows]):  # noqa: C419 - every error at once
        verdicts = dict(row["form"].verdict for row in rows)
        completeness_grid.review_pieces(access_request, verdicts, by=request.user)
        messages.success(request, _("La grille est enregistrée."))
        then = next((one.url for one in links if one.name == data.get("then")), "")
        return redirect(then or reverse("requests_app:completeness", args=[access_request.pk]))
    left, message = (
        completeness_grid.unreviewed(access_request),
        completeness_grid.completion_message(access_request),
    )
    procedure = access_request.procedure
    context = {
        "access_request": access_request,
        "stage": stage,
        "rows": rows,
        "left": left,
        "message": message,
        "last_request": any(one.name == "request_completion" for one in links)
        and completeness_grid.is_last_request(stage, procedure),
        "acts": links,
        # the grid first; then what it says: one message, or a complete file
        "main": "" if left else "request_completion" if message else "accept_completeness",
    }
    status = 422 if data is not None else 200
    return render(request, "requests_app/desk/completeness.html", context, status=status)
