"""GET, HEAD and OPTIONS write nothing but sessions and the record of a view.

Counters go to the cache and a task writes them; whatever changes something is a POST.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from .http import Unavailable


logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The login callback of OpenID Connect creates the person's account under GET: the only exempt view.
EXEMPT_VIEW = "oidc_authentication_callback"
SESSION_TABLES = frozenset({"django_session"})
AUDIT_TABLES = frozenset({"audit_auditevent", "audit_audittext"})

_READS = frozenset(
    "SELECT VALUES SHOW EXPLAIN PRAGMA DECLARE FETCH CLOSE"
    " BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE SET".split()
)
_COMMENT = re.compile(r"\A(?:\s+|--[^\n]*\n|/\*.*?\*/|\()+", re.DOTALL)
_VERB = re.compile(r"\A[A-Za-z]+")
_TARGET = re.compile(
    r"\A(?P<verb>INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM)\s+[\"`]?(?P<table>\w+)[\"`]?",
    re.IGNORECASE,
)
_WRITE_INSIDE = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE\s+[\"\w]|DELETE\s+FROM|MERGE\s+INTO|REPLACE\s+INTO)", re.IGNORECASE
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")

_audit_door: ContextVar[bool] = ContextVar("audit_door", default=False)


class WriteDuringRead(RuntimeError):
    """A page tried to change something under GET: a fault of the code, answered 500."""


@contextmanager
def door_for_audit() -> Iterator[None]:
    """Lets inserts into the log through. For `portal.audit.record` alone; a test checks it."""
    token = _audit_door.set(True)
    try:
        yield
    finally:
        _audit_door.reset(token)


def _is_read(sql: str) -> bool:
    body = _COMMENT.sub("", sql)
    verb = _VERB.match(body)
    word = verb.group().upper() if verb else ""
    if word == "WITH":
        return _WRITE_INSIDE.search(_QUOTED.sub('""', body)) is None
    if word == "PRAGMA":
        return "=" not in body
    return word in _READS


def _may_write(sql: str, request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is not None and match.view_name == EXEMPT_VIEW:
        return True
    target = _TARGET.match(_COMMENT.sub("", sql))
    if target is None:
        return False
    table = target["table"]
    return table in SESSION_TABLES or (
        _audit_door.get() and table in AUDIT_TABLES and target["verb"][:6].upper() == "INSERT"
    )


@contextmanager
def guarded(request: HttpRequest) -> Iterator[None]:
    """Refuse SQL writes on every database connection of this thread. Raises WriteDuringRead."""

    def refuse_writes(
        execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        text = sql if isinstance(sql, str) else str(sql)
        if not _is_read(text) and not _may_write(text, request):
            start = " ".join(_COMMENT.sub("", text).split()[:3])  # verb and table, never the values
            message = f"{request.method} must not write: {start}"
            logger.error("%s (view %s)", message, getattr(request.resolver_match, "view_name", "?"))
            raise WriteDuringRead(message)
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(refuse_writes))
        yield


def _guarded_stream(content: Iterator[Any], request: HttpRequest) -> Iterator[Any]:
    """A streamed body is read after the middleware has returned: guard each step."""
    while True:
        with guarded(request):
            try:
                chunk = next(content)
            except StopIteration:
                return
        yield chunk


class ReadOnlyGetMiddleware:
    """Refuses SQL writes during safe methods, and answers 503 for what cannot be recorded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in SAFE_METHODS:
            return self.get_response(request)
        with guarded(request):
            response = self.get_response(request)
        if (
            isinstance(response, StreamingHttpResponse)
            and not isinstance(response, FileResponse)
            and not response.is_async
        ):
            response.streaming_content = _guarded_stream(iter(response.streaming_content), request)  # type: ignore[arg-type]
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Unavailable):
            return None
        logger.error("answered 503: %s", exception, exc_info=settings.DEBUG)
        return HttpResponse(render_to_string("503.html", request=None), status=503)
