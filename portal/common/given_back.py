"""A form refused for another reason than its content gives back what was typed.

The session is over, the token has changed because somebody logged in again: the answer holds the
fields that were sent, and a button that sends them again to the same address.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _

from .addresses import nearest_open, page_before
from .private_answers import PRIVATE


LONG = 20  # characters: what is worth showing, to be read and copied
_NEVER = frozenset({"csrfmiddlewaretoken", "code", "second_factor_code"})


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form, without its token; a password or a code is typed again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _NEVER and "password" not in name
        for value in values
    ]


def is_from_elsewhere(request: HttpRequest) -> bool:
    """Another site's form is never handed to a person to be sent: a browser says where it is."""
    here = request.get_host()
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return True
    claims = (request.headers.get("Origin", ""), request.headers.get("Referer", ""))
    return any(claim and urlsplit(claim).netloc != here for claim in claims)


def give_back(request: HttpRequest, *, reason: str) -> HttpResponse:
    """The page; `reason`: `expired` (the token), `session` (nobody is signed in any more)."""
    fields = [] if is_from_elsewhere(request) else typed(request)
    before = page_before(request)
    context = {
        "reason": reason,
        "action": request.get_full_path(),
        "fields": fields,
        "long": [value for _name, value in fields if len(value) > LONG],
        "has_files": bool(request.FILES),
        "before": before,
        "login_url": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': before})}",
    }
    answer = render(request, "403_csrf.html", context, status=403)
    answer["Cache-Control"] = PRIVATE  # it holds what somebody typed, whoever is signed in
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`."""
    return give_back(request, reason="expired")


class MethodPageMiddleware:
    """An address that takes POST only, opened by hand or by a link: a page with a way on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self.get_response(request)
        if response.status_code != 405 or response.streaming or response.content:
            return response  # type: ignore[no-any-return]
        page = render(request, "405.html", {"before": nearest_open(request.path)}, status=405)
        page["Allow"] = response["Allow"]
        return page


_TITLE, _ERRORS = b"<title>", b"portal-errors"


class ErrorTitleMiddleware:
    """A page that comes back with errors says so first of all, where a screen reader begins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self.get_response(request)
        if request.method == "POST" and not response.streaming and _ERRORS in response.content:
            said = f"<title>{_('Erreur :')} ".encode()
            response.content = response.content.replace(_TITLE, said, 1)
        return response  # type: ignore[no-any-return]
