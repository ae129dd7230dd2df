"""The completeness grid: one verdict per piece, then one message or one acceptance."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from requests_app import desk
from requests_app.abilities import abilities
from requests_app.forms.completeness import PieceReviewForm
from requests_app.models import Stage

from .links import act_links
from .request import visible_request


@require_http_methods(["GET", "HEAD", "POST"])
def completeness(request: HttpRequest, pk: UUID) -> HttpResponse:
    access_request = visible_request(request, pk)
    stage = get_object_or_404(Stage, request=access_request, kind="completeness")
    mine = [
        one
        for one in abilities(access_request, user=request.user)
        if one.stage is not None and one.stage.pk == stage.pk
    ]
    if not mine:
        raise PermissionDenied(_("Le contrôle de complétude n’est pas à faire, ou pas par vous."))
    rows = desk.pieces_of(access_request)
    data = request.POST if request.method == "POST" else None
    for row in rows:
        row["form"] = PieceReviewForm(data, piece=row["piece"])
        file = row["piece"].file
        row["url"] = reverse("requests_app:file", args=[access_request.pk, file.pk]) if file else ""
    if data is not None and all([row["form"].is_valid() for row in rows]):  # noqa: C419 - every error at once
        verdicts = dict(row["form"].verdict for row in rows)
        desk.review_pieces(access_request, verdicts, by=request.user)
        messages.success(request, _("La grille est enregistrée."))
        return redirect("requests_app:completeness", access_request.pk)
    context = {
        "access_request": access_request,
        "stage": stage,
        "rows": rows,
        "message": desk.completion_message(access_request),
        "acts": act_links(access_request, mine),
    }
    status = 422 if data is not None else 200
    return render(request, "requests_app/desk/completeness.html", context, status=status)
