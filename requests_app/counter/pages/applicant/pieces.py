"""Pieces of a draft: deposited, waived, removed; and the one door by which files come out."""

from typing import Any
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.requests import SignedInRequest
from portal.audit.record import record_view
from portal.common.body_limits import accepts_files, largest_piece
from requests_app import dossier
from requests_app.counter.forms.pieces import UploadForm, WaiverForm
from requests_app.counter.pages.helpers import team_request
from requests_app.dossier import NotEditable, uploads
from requests_app.dossier import pieces as kept
from requests_app.models import AccessRequest
from requests_app.procedures.parts import Piece as PieceRule
from requests_app.rights import permissions

from .draft import editable_request, frame, to_overview


@require_safe
def pieces(request: SignedInRequest, pk: UUID) -> HttpResponse:
    try:
        return _page(request, editable_request(request, pk))
    except NotEditable:
        return to_overview(request, pk)


def _page(
    request: SignedInRequest,
    access_request: AccessRequest,
    *,
    bound: UploadForm | WaiverForm | None = None,
    code: str = "",
    status: int = 200,
) -> HttpResponse:
    """Every piece with its rule; `bound` is the refused form of one of them."""
    known = dossier.facts(access_request)
    given = {one.code: one for one in access_request.pieces.select_related("file")}
    rows: list[dict[str, Any]] = []
    for rule in access_request.procedure.pieces:
        piece = given.get(rule.code)
        here = piece is not None and bool(piece.file_id or piece.waiver_reason)
        reason = piece.waiver_reason if piece else ""
        upload, waiver = (
            UploadForm(rule=rule),
            WaiverForm(rule=rule, initial={"waiver_reason": reason}),
        )
        if rule.code == code:
            upload = bound if isinstance(bound, UploadForm) else upload
            waiver = bound if isinstance(bound, WaiverForm) else waiver
        rows.append(
            {
                "rule": rule,
                "piece": piece if here else None,
                "to_mend": piece is not None and piece.review == "to_mend",
                "comment": piece.review_comment if piece else "",
                "needed": rule.needed(known),
                "upload": upload,
                "waiver": waiver,
            }
        )
    context = frame(request, access_request, current="pieces") | {"rows": rows}
    return render(request, "requests_app/draft/pieces.html", context, status=status)


def _rule(access_request: AccessRequest, code: str) -> PieceRule:
    try:
        return access_request.procedure.piece(code)
    except LookupError:
        raise Http404 from None


@accepts_files(largest_piece)
@require_POST
def piece(request: SignedInRequest, pk: UUID, code: str) -> HttpResponse:
    """Deposit, waive or remove one piece, by the button that was pressed."""
    try:
        access_request = editable_request(request, pk)
        rule = _rule(access_request, code)
        if "remove" in request.POST:
            kept.remove(access_request, code, by=request.user)
            messages.success(request, _("La pièce est retirée du dossier."))
            return _back(access_request, code)
        if "waive" in request.POST:
            return _waive(request, access_request, rule)
        return _upload(request, access_request, rule)
    except NotEditable:
        return to_overview(request, pk)


def _upload(
    request: SignedInRequest, access_request: AccessRequest, rule: PieceRule
) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES, rule=rule)
    if form.is_valid():
        try:
            kept.attach(access_request, rule.code, form.cleaned_data["file"], by=request.user)
        except kept.PieceRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, _("La pièce est déposée."))
            return _back(access_request, rule.code)
    return _page(request, access_request, bound=form, code=rule.code, status=422)


def _waive(
    request: SignedInRequest, access_request: AccessRequest, rule: PieceRule
) -> HttpResponse:
    form = WaiverForm(request.POST, rule=rule)
    if form.is_valid():
        try:
            kept.waive(
                access_request, rule.code, form.cleaned_data["waiver_reason"], by=request.user
            )
        except kept.PieceRefused as refusal:
            form.add_error("waiver_reason", str(refusal))
        else:
            messages.success(request, _("La dispense est enregistrée avec son motif."))
            return _back(access_request, rule.code)
    return _page(request, access_request, bound=form, code=rule.code, status=422)


def _back(access_request: AccessRequest, code: str) -> HttpResponse:
    response = redirect("requests_app:draft_step", access_request.pk, "pieces")
    response["Location"] += f"#piece-{code}"
    return response


@require_safe
def template(request: SignedInRequest, pk: UUID, code: str) -> HttpResponse:
    """The text to start a piece from."""
    rule = _rule(team_request(request, pk), code)
    if rule.template is None or not rule.template.text:
        raise Http404
    response = HttpResponse(str(rule.template.text).strip() + "\n", content_type="text/plain")
    response["Content-Disposition"] = f'attachment; filename="modele-{code}.txt"'
    return response


@require_safe
def file(request: SignedInRequest, pk: UUID, file_id: UUID) -> HttpResponseBase:
    """A file of a request, streamed after the rights check, each download in the log."""
    return _stream(request, pk, file_id, as_attachment=True)


@xframe_options_sameorigin
@csp_replace({"frame-ancestors": [SELF]})
@require_safe
def file_in_page(request: SignedInRequest, pk: UUID, file_id: UUID) -> HttpResponseBase:
    """The same for a PDF, to be read in a frame of this portal: the completeness grid's."""
    return _stream(request, pk, file_id, as_attachment=False)


def _stream(
    request: SignedInRequest, pk: UUID, file_id: UUID, *, as_attachment: bool
) -> HttpResponseBase:
    readable = permissions.files_visible_to(request.user).distinct()
    if not as_attachment:  # what a browser would run is only ever downloaded
        readable = readable.filter(content_type=uploads.PDF)
    stored = get_object_or_404(readable, pk=file_id, request=pk)
    record_view(request, "request.download", on=stored, about=pk, always=True)
    response = FileResponse(
        stored.file.open("rb"),
        as_attachment=as_attachment,
        filename=stored.name,
        content_type=stored.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
