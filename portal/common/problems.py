"""Errors of the API as problem details (RFC 9457), those that no view of it raised included."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import defaults
from rest_framework.exceptions import APIException, NotFound
from rest_framework.response import Response
from rest_framework.views import exception_handler

from .http import Unavailable


CONTENT_TYPE = "application/problem+json"
API = "/api/"


class ServiceUnavailable(APIException):
    """What could not be recorded is not shown."""

    status_code = 503
    default_detail = gettext_lazy(
        "Service momentanément indisponible. Recommencez dans quelques minutes."
    )
    default_code = "unavailable"


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """What DRF calls for an exception in a view; `errors` names each refused parameter."""
    if isinstance(exc, Unavailable):
        exc = ServiceUnavailable()
    elif isinstance(exc, Http404):
        exc = NotFound(_("Rien ne se trouve à cette adresse."))
    response = exception_handler(exc, context)
    if response is None:
        return None
    detail = response.data if isinstance(response.data, dict) else {"detail": response.data}
    errors = {name: _messages(value) for name, value in detail.items() if name != "detail"}
    text = " ".join(_messages(detail.get("detail", [])))
    if errors and not text:
        text = _("Paramètres refusés : %(names)s.") % {"names": ", ".join(errors)}
    body = problem_body(response.status_code, text)
    response.data = body | ({"errors": errors} if errors else {})
    response.content_type = CONTENT_TYPE
    return response


def _messages(value: Any) -> list[str]:
    """Messages of one parameter, in one list even when it holds a list of values."""
    if isinstance(value, dict):
        return list(dict.fromkeys(m for inner in value.values() for m in _messages(inner)))
    if isinstance(value, list | tuple):
        return [message for inner in value for message in _messages(inner)]
    return [str(value)]


def problem_body(status: int, detail: str) -> dict[str, Any]:
    """Problem details of an answer that no view of the API made."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


# --- Outside DRF: an address that does not exist, a host that is not ours, a fault of ours --------


def _or_page(
    status: int, detail: Any, page: Callable[..., HttpResponseBase]
) -> Callable[..., HttpResponseBase]:
    def answer(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
        if request.path.startswith(API):
            body = json.dumps(problem_body(status, str(detail)))
            return HttpResponse(body, status=status, content_type=CONTENT_TYPE)
        return page(request) if exception is None else page(request, exception)

    return answer


bad_request = _or_page(400, gettext_lazy("Demande incorrecte."), defaults.bad_request)
page_not_found = _or_page(
    404, gettext_lazy("Rien ne se trouve à cette adresse."), defaults.page_not_found
)
server_error = _or_page(
    500,
    gettext_lazy("Une erreur s’est produite de notre côté ; elle a été consignée."),
    defaults.server_error,
)
