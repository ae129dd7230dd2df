"""Small parts that the views of requests share."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from kombu.exceptions import ChannelError, KombuError

from portal.accounts.otp import FRESH_MINUTES, demand
from portal.common.pdf import PdfError
from requests_app.dossier.tasks import tell_document_failed
from requests_app.models import AccessRequest
from requests_app.rights import permissions


logger = logging.getLogger(__name__)


def posted(request: HttpRequest) -> QueryDict | None:
    """The sent form, even an empty one; None when nothing was sent."""
    return request.POST if request.method == "POST" else None


def team_request(request: HttpRequest, pk: UUID) -> AccessRequest:
    """A file of the person's own team; 404 for everyone else, whether it exists or not."""
    found = (
        permissions.requests_visible_to(request.user)
        .select_related("organisation", "content_edited_by")
        .filter(pk=pk)
        .first()
    )
    if found is None or not permissions.in_team(request.user, found):
        raise Http404
    return found


def fresh_factor(request: HttpRequest, *, needed: bool) -> HttpResponseBase | None:
    """The page that asks for a second factor passed a moment ago, where the verb needs one; None
    when the view may go on. Asked when the form is opened, and again when it took long to write:
    what was typed is kept."""
    return demand(request, fresh_minutes=FRESH_MINUTES) if needed else None


def pdf_answer(
    request: HttpRequest, make: Callable[[], bytes], name: str, *, about: UUID | None = None
) -> HttpResponse:
    """A document made for this answer. One that cannot be made is a page that says so, and
    operators are told: by a task, since a read writes nothing."""
    try:
        content = make()
    except PdfError as error:
        logger.exception("%s.pdf was not made", name)
        told = about is not None and _tell(str(about), f"{name}.pdf", type(error).__name__)
        page = {"name": f"{name}.pdf", "told": told}
        return render(request, "requests_app/document_failed.html", page, status=503)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


def _tell(request_id: str, document: str, why: str) -> bool:
    try:
        tell_document_failed.apply_async((request_id, document, why), retry=False)
    except (KombuError, ChannelError, OSError):
        logger.warning("operators could not be told of %s", document)
        return False
    return True
