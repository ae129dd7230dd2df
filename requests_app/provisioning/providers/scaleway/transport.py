"""The SDK's HTTP, made safe: timeouts, retries, a rate limit, our own errors, no secret in a log.

The SDK calls `requests.request` without a timeout or a retry, and breaks on the gateway's real 429,
whose body is empty (H3). Every SDK method goes through
`API._request`, which `Transport` replaces; errors are raised here, before the SDK reads the body.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import requests

from requests_app.provisioning.providers.errors import (
    AlreadyExists,
    Busy,
    Denied,
    NotFound,
    Permanent,
    ProviderError,
    QuotaExceeded,
    Transient,
    Unreachable,
)
from requests_app.provisioning.providers.retrying import backoff


logger = logging.getLogger(__name__)

TIMEOUTS = (3.05, 30.0)  # connect, read: seconds
HURRIED_TIMEOUTS = (3.05, 8.0)  # what is asked is answered in 0.3 s on an ordinary day
ATTEMPTS, SILENT_ATTEMPTS = 5, 2


class TokenBucket:
    """At most `rate` calls per second from this process, `burst` at once; waits, never refuses."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._tokens, self._at = float(burst), time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            self._tokens -= 1
            wait = -self._tokens / self._rate if self._tokens < 0 else 0.0
        if wait:
            time.sleep(wait)


# An old issue speaks of about 100 requests a second for an organisation; ours stay well below.
SHARED_BUCKET = TokenBucket(rate=20, burst=40)


def error_of(response: requests.Response) -> ProviderError:
    """Our error for an answer ≥ 400, by status and `type` (H4)."""
    status = response.status_code
    request_id = response.headers.get("x-request-id", "")
    try:
        body = response.json()
    except ValueError:  # the gateway's 429 is empty, its 503 plain text
        body = {}
    if not isinstance(body, dict):
        body = {}
    kind = str(body.get("type", ""))
    text = str(body.get("message", "")) or f"HTTP {status}"
    details = body.get("details") or []
    detail = details[0] if isinstance(details, list) and details else {}
    if kind == "quotas_exceeded":
        return QuotaExceeded(
            str(detail.get("resource", "")),
            limit=int(detail.get("quota", 0)),
            current=int(detail.get("current", 0)),
            request_id=request_id,
        )
    if kind == "already_exists":
        return AlreadyExists(str(body.get("resource_id", "")), request_id=request_id)
    if kind == "invalid_arguments" and detail:
        text = f"{text}: {detail.get('argument_name', '')} {detail.get('help_message', '')}".strip()
    choices: dict[int, type[ProviderError]] = {
        401: Permanent,
        403: Denied,
        404: NotFound,
        409: Transient,
        412: Busy,
        429: Unreachable,
    }
    cls = choices.get(status, Unreachable if status >= 500 else Permanent)
    if kind in {"out_of_stock", "locked", "resource_expired"}:
        cls = Permanent
    return cls(text, status=status, request_id=request_id)


class _SdkClient(Protocol):
    api_url: str
    secret_key: str | None
    user_agent: str
    api_allow_insecure: bool


class Transport:
    """Mixin placed before an SDK API class: `class Iam(Transport, IamV1Alpha1API)`."""

    client: _SdkClient
    before_call: Callable[[], None]
    session: requests.Session
    hurried: Callable[[], bool] = staticmethod(lambda: False)
    bucket: TokenBucket = SHARED_BUCKET
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> requests.Response:
        """One SDK call. Raises ProviderError; after Transient a create may have been applied."""
        method = method.upper()
        # A create that may have been applied is never repeated here: the reconciler looks first.
        repeatable = method != "POST"
        attempts = 1 if self.hurried() else ATTEMPTS
        for attempt in range(attempts):
            self.before_call()
            self.bucket.take()
            last = attempt == attempts - 1
            try:
                response = self._send(method, path, params or {}, headers or {}, body)
            except requests.exceptions.ConnectTimeout as error:
                if last:
                    raise Unreachable(f"connect timeout: {method} {path}") from error
            except requests.exceptions.ConnectionError as error:
                if last or not (repeatable or _never_sent(error)):
                    raise Unreachable(f"connection: {method} {path}") from error
            except requests.exceptions.RequestException as error:  # silence: half a minute each
                if last or not repeatable or attempt + 1 >= SILENT_ATTEMPTS:
                    raise Unreachable(f"no answer: {method} {path}") from error
            else:
                if response.status_code < 400:
                    return _with_total(response)
                found = error_of(response)
                # 409 is `transient_state`: a group edited twice within a moment.
                again = response.status_code == 429 or (
                    repeatable and response.status_code in {409, 502, 503, 504}
                )
                if last or not again or not isinstance(found, Transient):
                    raise found
            self.sleep(backoff(attempt))
        raise AssertionError("unreachable")

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        body: Any,
    ) -> requests.Response:
        sent = {"accept": "application/json", "user-agent": self.client.user_agent, **headers}
        if method in {"POST", "PUT", "PATCH"}:
            sent["Content-Type"] = "application/json; charset=utf-8"
        if self.client.secret_key is not None:
            sent["x-auth-token"] = self.client.secret_key
        pairs = [
            (key, item)
            for key, value in params.items()
            if value is not None
            for item in (value if isinstance(value, list) else [value])
        ]
        started = time.monotonic()
        response = self.session.request(
            method,
            f"{self.client.api_url}{path}",
            params=pairs,
            headers=sent,
            data=body if isinstance(body, bytes) else json.dumps(body or {}),
            timeout=HURRIED_TIMEOUTS if self.hurried() else TIMEOUTS,
            verify=not self.client.api_allow_insecure,
            allow_redirects=False,
        )
        # Never a body: the answer of POST /api-keys is a secret.
        logger.info(
            "%s %s %s %.0f ms %s",
            method,
            path,
            response.status_code,
            (time.monotonic() - started) * 1000,
            response.headers.get("x-request-id", "-"),
        )
        return response


def _never_sent(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the connection itself was refused, so that nothing can have been applied."""
    return "NewConnectionError" in repr(error) or "Connection refused" in str(error)


def _with_total(response: requests.Response) -> requests.Response:
    """The SDK puts `x-total-count` into the body of a list; so do we, as it replaces that code."""
    total = response.headers.get("x-total-count")
    if total:
        body = response.json()
        if isinstance(body, dict):
            body["total_count"] = total
            response._content = json.dumps(body).encode()  # noqa: SLF001 (as the SDK does)
    return response
