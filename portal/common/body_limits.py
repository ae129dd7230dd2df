"""How much a request may send, by who sends it: refused before a byte of it is read.

64 KiB before login, 1 MiB signed in, what a view that takes files declares. The API reads nothing.
Django's own bounds come too late: a file goes to disk before the form's token is looked at.

What a length claims is checked here; what is sent beyond it is never read, since Django stops at
the length. A body without a length would be read as empty: it is refused too.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from . import problems
from .problems import API, CONTENT_TYPE, problem_body


View = Callable[..., HttpResponseBase]
KIB = 1024
MIB = 1024 * KIB
ANONYMOUS_BYTES = 64 * KIB
SIGNED_IN_BYTES = MIB


def accepts_files(max_bytes: Callable[[], int]) -> Callable[[View], View]:
    """Declare that a view takes a file of at most so many bytes, beside the form's own fields.

    A test holds the list of such views.
    """

    def declare(view: View) -> View:
        view.max_file_bytes = max_bytes  # type: ignore[attr-defined]
        return view

    return declare


def largest_piece() -> int:
    """The largest file of a request; the pieces of a procedure may ask for less."""
    return int(settings.PIECE_MAX_BYTES)


def limit_of(request: HttpRequest, view: View) -> int:
    """The bytes that this person may send to this view."""
    if not request.user.is_authenticated:  # a cookie that opens no session is nobody's
        return ANONYMOUS_BYTES
    declared = getattr(view, "max_file_bytes", None)
    return SIGNED_IN_BYTES + (declared() if declared is not None else 0)


class BodyLimitMiddleware:
    """Before the CSRF check, the first that reads a body; after the session, which says who."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            return refuse(request, 411, _("Cet envoi ne dit pas sa taille : il n’a pas été lu."))
        length = _length(request)
        if length <= ANONYMOUS_BYTES:  # nobody's limit: who asks need not be looked up
            return None
        limit = limit_of(request, view)
        return too_large(request, limit, view) if length > limit else None


def _length(request: HttpRequest) -> int:
    """The length as Django will read it: nothing when it is no number."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def too_large(request: HttpRequest, limit: int, view: View | None = None) -> HttpResponse:
    """What is too large, and what to do; nothing of it was read."""
    declared = getattr(view, "max_file_bytes", None) if request.user.is_authenticated else None
    shown = declared() if declared is not None else limit
    text = _("Ce que vous envoyez dépasse %(limit)s : rien n’a été lu ni enregistré.") % {
        "limit": in_words(shown)
    }
    if not request.user.is_authenticated:
        advice = _("Connectez-vous pour envoyer davantage, puis recommencez.")
    elif declared is not None:
        advice = _(
            "Réduisez le fichier ou découpez-le, puis revenez à la page précédente pour l’envoyer."
        )
    else:
        advice = _(
            "Revenez à la page précédente, raccourcissez vos textes, ou mettez le détail dans une"
            " pièce."
        )
    return refuse(request, 413, text, advice)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Handler 400: too many fields or files, or too long a text beside a file, say so."""
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        text = _("Ce formulaire envoie trop de champs ou de fichiers : rien n’a été enregistré.")
        return refuse(request, 413, text, _("Envoyez-le en plusieurs fois."))
    if isinstance(exception, RequestDataTooBig):
        return too_large(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return problems.bad_request(request, exception)


def refuse(request: HttpRequest, status: int, text: str, advice: str = "") -> HttpResponse:
    """In the form that who asked can read: a page, problem details, a line of a saving form."""
    if request.path.startswith(API):
        body = json.dumps(problem_body(status, text))
        return HttpResponse(body, status=status, content_type=CONTENT_TYPE)
    if request.headers.get("X-Autosave"):
        return JsonResponse({"error": f"{text} {advice}".strip()}, status=status)
    context = {"heading": HEADINGS[HTTPStatus(status)](), "text": text, "advice": advice}
    return render(request, "413.html", context, status=status)


HEADINGS: dict[HTTPStatus, Callable[[], str]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: lambda: _("Envoi trop volumineux"),
    HTTPStatus.LENGTH_REQUIRED: lambda: _("Envoi sans taille"),
}


def in_words(size: int) -> str:
    """`64 Ko`, `26 Mo`."""
    if size >= MIB:
        return _("%(n)s Mo") % {"n": size // MIB}
    return _("%(n)s Ko") % {"n": size // KIB}
