"""A small JSON web layer for the control plane: routes, pages, validation."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Request, Response

from portal.common.digits import is_digits
from portal.training.sandbox.errors import ApiError, invalid, invalid_arguments
from portal.training.sandbox.resources import Resource


SERVER = "Scaleway API Gateway (sandbox)"
MAX_BODY = 1_000_000
TAG = re.compile(r"^[a-zA-Z0-9._\-/=+@ ]+$")
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T", bound=Resource)


@dataclass
class Call:
    """One authenticated call: the HTTP request, the caller's application, the path's values."""

    request: Request
    application_id: str
    path: dict[str, str] = field(default_factory=dict)

    @property
    def ip(self) -> str:
        return self.request.remote_addr or ""

    def payload(self, model: type[M]) -> M:
        """The JSON body as `model`; raises ApiError 400 `invalid_arguments`."""
        if (self.request.content_length or 0) > MAX_BODY:
            raise invalid("body", "request body is too large")
        try:
            raw = json.loads(self.request.get_data() or b"{}")
        except ValueError as error:
            raise invalid("body", "malformed JSON", "format") from error
        if not isinstance(raw, dict):
            raise invalid("body", "a JSON object is expected", "format")
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            problems = [
                (
                    ".".join(str(part) for part in e["loc"]),
                    e["msg"],
                    "required" if e["type"] == "missing" else "constraint",
                )
                for e in error.errors()
            ]
            raise invalid_arguments(problems) from error

    def query(self, name: str) -> str | None:
        return self.request.args.get(name) or None

    def many(self, name: str) -> set[str]:
        """A list parameter: repeated, as the SDK sends it."""
        return {v for v in self.request.args.getlist(name) if v}

    def flag(self, name: str) -> bool | None:
        value = self.query(name)
        return None if value is None else value.lower() == "true"


Handler = Callable[[Call], tuple[int, Any]]


@dataclass(frozen=True)
class Route:
    """`permission` is what the caller's rules must contain, as `resource:action`."""

    method: str
    pattern: re.Pattern[str]
    permission: str
    handler: Handler


def route(method: str, path: str, permission: str, handler: Handler) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(f"^{pattern}$"), permission, handler)


def page_of(call: Call, items: Sequence[T], show: Callable[[T], Any], name: str) -> dict[str, Any]:
    """One page of a list: `{name: [...], "total_count": n}`, in the order asked for."""
    size = _number(call, "page_size", 50, 100)
    page = _number(call, "page", 1, None)
    start = (page - 1) * size
    shown = [show(item) for item in _ordered(call, items)[start : start + size]]
    return {name: shown, "total_count": len(items)}


def _number(call: Call, name: str, default: int, maximum: int | None) -> int:
    raw = call.query(name)
    if raw is None:
        return default
    if not is_digits(raw) or int(raw) < 1 or (maximum is not None and int(raw) > maximum):
        limit = f" and at most {maximum}" if maximum else ""
        raise invalid(name, f"must be at least 1{limit}")
    return int(raw)


def _ordered(call: Call, items: Sequence[T]) -> list[T]:
    order = call.query("order_by")
    if order is None:
        return list(items)
    attribute, _, direction = order.rpartition("_")
    if direction not in ("asc", "desc") or not all(hasattr(i, attribute) for i in items):
        raise invalid("order_by", "unknown order")
    reverse = direction == "desc"
    return sorted(items, key=lambda i: (getattr(i, attribute) is None, getattr(i, attribute)),
                  reverse=reverse)  # fmt: skip


def json_response(status: int, body: Any) -> Response:
    text = "" if status == 204 else json.dumps(body)
    response = Response(text, status=status, content_type="application/json")
    response.headers["server"] = SERVER
    response.headers["x-request-id"] = str(uuid.uuid4())
    return response


def error_response(error: ApiError) -> Response:
    return json_response(error.status, error.body)


def new_id() -> str:
    return str(uuid.uuid4())


def rfc3339(moment: datetime | None) -> str | None:
    """`2026-06-10T16:12:40.315422Z`, without the fraction when there is none (recorded)."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def check_text(name: str, value: str, *, limit: int, required: bool = True) -> str:
    if required and not value.strip():
        raise invalid(name, "cannot be empty", "required")
    if len(value) > limit:
        raise invalid(name, f"length must be at most {limit}")
    return value


def check_tags(tags: Sequence[str] | None) -> tuple[str, ...]:
    """At most 10 tags without a colon (a live account's limits)."""
    if len(tags or ()) > 10:
        raise invalid("tags", "at most 10 tags")
    for tag in tags or ():
        if len(tag) > 128 or not TAG.match(tag):
            raise invalid("tags", f"must match {TAG.pattern}", "format")
    return tuple(tags or ())
