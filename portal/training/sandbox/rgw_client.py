"""Calls to a Ceph RADOS Gateway: raw forwarding, signed S3 calls, its Admin Ops REST API.

Source: Ceph documentation, "Admin Operations" (radosgw).
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


TIMEOUT = 30.0  # seconds
REGION = "fr-par"


class RgwError(OSError):
    """The gateway refused or could not be reached; `status` is 0 in the second case."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class RgwKey:
    access: str
    secret: str


class RgwClient:
    def __init__(self, endpoint: str, admin: RgwKey) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("the gateway's address must be http://host:port")
        self.host, self.port, self.admin_key = parts.hostname, parts.port or 80, admin

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request, as it is; raises RgwError (status 0) when the gateway is not there."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        except OSError as error:
            raise RgwError(0, f"the gateway does not answer: {error}") from error
        finally:
            connection.close()

    def signed(
        self,
        method: str,
        target: str,
        key: RgwKey,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call signed with `key`; `target` is an encoded path with its query."""
        url = f"http://{self.host}:{self.port}{target}"
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
        request.headers["Host"] = f"{self.host}:{self.port}"
        S3SigV4Auth(Credentials(key.access, key.secret), "s3", REGION).add_auth(request)
        sent = dict(request.headers.items()) | {"Content-Length": str(len(body))}
        return self.send(method, target, sent, body)

    def s3(
        self,
        method: str,
        target: str,
        key: RgwKey,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A signed S3 call that must succeed; raises RgwError with the gateway's status."""
        answer = self.signed(method, target, key, body=body, headers=headers)
        if answer.status >= 300:
            raise RgwError(answer.status, f"{method} {target}: {answer.status} {answer.body!r}")
        return answer

    def admin(self, method: str, path: str, *flags: str, **parameters: str) -> Any:
        """An Admin Ops call; raises RgwError with the gateway's status."""
        pairs = [*flags, *(f"{n.replace('_', '-')}={quote(v, safe='')}" for n, v in
                           (parameters | {"format": "json"}).items())]  # fmt: skip
        target = f"/admin{path}?{'&'.join(pairs)}"
        answer = self.signed(method, target, self.admin_key)
        if answer.status >= 300:
            raise RgwError(answer.status, f"{method} /admin{path}: {answer.status} {answer.body!r}")
        return json.loads(answer.body) if answer.body.strip() else None
