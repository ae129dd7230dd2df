"""Faults to order: what a client must survive, played on either face, once or several times."""

import re
import threading
import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, Field, field_validator
from werkzeug.wrappers import Request, Response


Effect = Literal["rate_limit", "unavailable", "forbidden", "lost", "lost_before", "slow", "status"]
Face = Literal["api", "s3"]


class Fault(BaseModel):
    """One entry of the queue: it applies to matching calls until `times` have been hit.

    `every` = 2 hits one matching call in two, which makes a refusal flap.
    """

    face: Face | None = None
    method: str | None = None
    path: str = ".*"
    effect: Effect
    times: int = Field(default=1, ge=1)
    every: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=120)
    status: int = Field(default=500, ge=400, le=599)
    body: str = ""
    seen: int = 0
    hits: int = 0

    @field_validator("path")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    def matches(self, face: Face, request: Request) -> bool:
        return (
            self.face in (None, face)
            and self.method in (None, request.method)
            and re.search(self.path, request.full_path.rstrip("?")) is not None
        )


class ConnectionCut(ConnectionAbortedError):
    """The client gets no answer: its connection is closed."""


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        with self._lock:
            self._queue.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._queue.clear()

    def pending(self) -> list[Fault]:
        with self._lock:
            return [fault.model_copy() for fault in self._queue]

    def _next(self, face: Face, request: Request) -> Fault | None:
        with self._lock:
            for fault in self._queue:
                if not fault.matches(face, request):
                    continue
                fault.seen += 1
                if (fault.seen - 1) % fault.every:
                    return None
                fault.hits += 1
                if fault.hits >= fault.times:
                    self._queue.remove(fault)
                return fault
        return None

    def play(self, face: Face, request: Request, answer: Callable[[Request], Response]) -> Response:
        """The answer, or what the first matching fault makes of it."""
        fault = self._next(face, request)
        if fault is None:
            return answer(request)
        match fault.effect:
            case "slow":
                time.sleep(fault.seconds)
                return answer(request)
            case "lost":  # applied, and the client never knows
                answer(request)
                raise ConnectionCut
            case "lost_before":
                raise ConnectionCut
            case "rate_limit":  # recorded: an empty body and no Retry-After
                response = Response(status=429)
                response.headers.pop("content-type", None)
                response.headers["x-envoy-ratelimited"] = "true"
                response.headers["server"] = "Scaleway API Gateway (sandbox)"
                return response
            case "unavailable":
                return Response("upstream connect error", status=503, content_type="text/plain")
            case "forbidden" if face == "s3":
                body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
                return Response(body, status=403, content_type="application/xml")
            case "forbidden":
                body = (
                    '{"details":[],"message":"insufficient permissions",'
                    '"type":"permissions_denied"}'
                )
                return Response(body, status=403, content_type="application/json")
        return Response(fault.body, status=fault.status, content_type="text/plain")
