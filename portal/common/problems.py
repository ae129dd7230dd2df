"""Errors of the API as problem details (RFC 9457)."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from .http import Unavailable


class ServiceUnavailable(APIException):
    """What could not be recorded is not shown."""

    status_code = 503
    default_detail = _("Service momentanément indisponible. Recommencez dans quelques minutes.")
    default_code = "unavailable"


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(exc, Unavailable):
        exc = ServiceUnavailable()
    response = exception_handler(exc, context)
    if response is None:
        return None
    detail = response.data
    response.data = {
        "type": "about:blank",
        "title": response.status_text,
        "status": response.status_code,
        "detail": detail.get("detail", "") if isinstance(detail, dict) else "",
    }
    if isinstance(detail, dict) and set(detail) - {"detail"}:
        response.data["errors"] = detail
    response.content_type = "application/problem+json"
    return response
