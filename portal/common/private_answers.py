"""What a signed-in person is shown is kept by no cache: not the browser's, not one on the way.

One rule for every answer that a view, an error or another middleware makes: pages, fragments,
files, streamed lists, redirects. What nobody is signed in for stays as the views made it.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers


logger = logging.getLogger(__name__)

PRIVATE = "private, no-store"


class PrivateAnswersMiddleware:
    """Above the session: it also sees what the middlewares below answer themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _is_personal(request, response):
            response["Cache-Control"] = PRIVATE
            response.headers.pop("Expires", None)
        # The same address reads otherwise for who is signed in: no copy serves for both.
        patch_vary_headers(response, ["Cookie"])
        return response


def _is_personal(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Signed in now, or by this very answer; whoever holds a session that cannot be read is."""
    name = settings.SESSION_COOKIE_NAME
    if name in response.cookies:  # login, logout, a new key: never another person's
        return True
    if name not in request.COOKIES:
        return False
    session = getattr(request, "session", None)
    if session is None:  # answered before anybody knew who asks
        return True
    try:
        return SESSION_KEY in session  # not `user`: the API takes none from the session
    except DatabaseError:
        logger.error("answered as to a signed-in person: the session cannot be read")
        return True
