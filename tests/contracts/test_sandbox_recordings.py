"""The sandbox answers what the real service answered, on recorded exchanges.

Each request of a recording is played against a sandbox with the recorded ids replaced by those it
gave; status, key set and JSON types (for S3: root, elements, error code and message) are compared.
The recordings are read where they are, in `../shared/data/scaleway` (see its SOURCES.md).
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.conf import settings

from tests.portal.training.sandbox.live import LiveSandbox, request


RECORDINGS = Path(settings.BASE_DIR).parent / "shared" / "data" / "scaleway" / "recordings"
COVERED = (
    "account__project-basic",
    "iam__api-key-expires",
    "iam__application-basic",
    "iam__group-membership-basic",
    "iam__policy-basic",
    "iam__policy-change-linked-entity",
    "iam__policy-project-id",
    "object__object-bucket-acl-basic",
    "object__object-bucket-basic",
    "object__object-bucket-lifecycle",
    "object__object-bucket-object-lock",
    "object__object-bucket-policy-basic",
    "object__object-encryption",  # without its SSE-C headers, which were not recorded
    "object__s3-bucket-server-side-encryption-configuration-basic",
    "object__s3-bucket-server-side-encryption-configuration-basic-with-kms",
    "object__s3-bucket-server-side-encryption-configuration-key-id-without-kms",
    "object__s3-bucket-server-side-encryption-configuration-kms-without-bucket-key",
    "ratelimit__429",
)
# Products that the sandbox does not serve.
NOT_COVERED = (
    "datalab__datalab-resource-basic",
    "iam__ssh-key-basic",
    "iam__ssh-key-disabled",
    "instance__private-nic-basic",
    "instance__security-group-basic",
    "instance__security-group-rules-basic",
    "instance__server-minimal",
    "keymanager__action-rotate-key-basic",
    "keymanager__decrypt-ephemeral-resource-invalid-associated-data",
    "keymanager__encrypt-ephemeral-resource-basic",
    "keymanager__generate-data-key-ephemeral-resource-basic",
    "keymanager__key-manager-key-basic",
    "secret__secret-ephemeral-policy",
    "secret__secret-protected",
    "secret__secret-version-basic",
    "secret__secret-version-type",
    "vpc__acl-basic",
    "vpc__vpc-basic",
    "vpc__vpc-private-network-basic",
)
MASKED_KEY = "SCWXXXXXXXXXXXXXXXXX"
IDENTIFIER = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|SCW[A-Z0-9]{17}"
)
TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
# Request headers are not recorded, verbatim repeats were dropped: what is known to be missing, by
# recording and number of the exchange. A list is requests to play before it, (method, headers).
LOCKED = {"x-amz-bucket-object-lock-enabled": "true"}
MISSING_HEADERS: dict[tuple[str, int], dict[str, str]] = {
    ("object__object-bucket-object-lock", 0): LOCKED,
    ("object__object-encryption", 10): {"x-amz-content-sha256": TRAILER},
    ("object__object-encryption", 18): {"x-amz-content-sha256": TRAILER},
}
DROPPED_REQUESTS: dict[tuple[str, int], tuple[str, str, dict[str, str]]] = {
    ("object__object-bucket-acl-basic", 10): ("PUT", "?acl=", {"x-amz-acl": "public-read"}),
    ("object__object-bucket-basic", 33): ("PUT", "?acl=", {"x-amz-acl": "public-read"}),
    ("object__object-bucket-lifecycle", 20): ("PUT", "", LOCKED),
}

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"recordings are not in {RECORDINGS.name}: nothing to play"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSandbox]:
    sandbox = LiveSandbox(tmp_path_factory.mktemp("recordings") / "root").start()
    yield sandbox
    sandbox.stop()


def test_every_recording_is_covered_or_listed() -> None:
    assert {path.stem for path in RECORDINGS.glob("*.json")} == {*COVERED, *NOT_COVERED}


@pytest.mark.parametrize("name", COVERED)
def test_recording(name: str, live: LiveSandbox) -> None:
    live.admin("reset")
    exchanges = json.loads((RECORDINGS / f"{name}.json").read_text())
    player = Player(live, name)
    for number, exchange in enumerate(exchanges):
        player.play(number, exchange)


class Player:
    def __init__(self, sandbox: LiveSandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        self.ids: dict[str, str] = {}
        self.last_key = ""
        self.before: dict[str, Any] = {}

    def play(self, number: int, recorded: dict[str, Any]) -> None:
        place = f"{self.name} #{number} {recorded['method']} {recorded['url']}"
        parts = urlsplit(recorded["url"])
        if (self.name, number) in DROPPED_REQUESTS:
            method, query, headers = DROPPED_REQUESTS[self.name, number]
            dropped = recorded | {"method": method, "request_body": ""}
            self.s3(parts._replace(query=query.lstrip("?")), dropped, headers)
        if self.before.get("status") == 409:  # its client waited before trying again
            time.sleep(0.3)
        self.before = recorded
        if ".s3." in parts.netloc:
            extra = MISSING_HEADERS.get((self.name, number), {})
            answer = self.s3(parts, recorded, self.guess(recorded, parts) | extra)
            compare_s3(place, recorded, answer)
        elif self.name.startswith("ratelimit"):
            self.limited(place, parts, recorded)
        else:
            self.api(place, parts, recorded)

    def ours(self, text: str) -> str:
        """The text with recorded ids replaced by ours."""
        text = text.replace(MASKED_KEY, self.last_key)
        return IDENTIFIER.sub(lambda match: self.ids.get(match[0], match[0]), text)

    # The API

    def api(self, place: str, parts: Any, recorded: dict[str, Any]) -> None:
        body = recorded["request_body"]
        for organization in re.findall(r'"organization_id":"([0-9a-f-]{36})"', body):
            self.ids.setdefault(organization, self.sandbox.organization)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        raw = self.ours(body)
        status, answer, headers = self.sandbox.api(
            recorded["method"], self.ours(path), json.loads(raw) if raw else None
        )
        assert status == recorded["status"], (place, answer)
        wanted = json.loads(recorded["response_body"]) if recorded["response_body"] else None
        self.learn(wanted, answer)
        compare(place, wanted, answer)
        assert headers["content-type"] == recorded["response_headers"]["content-type"], place
        assert "x-request-id" in headers
        if isinstance(answer, dict) and answer.get("type") == "not_found":
            wanted_error = {k: wanted[k] for k in ("message", "resource", "type")}
            assert {k: answer[k] for k in wanted_error} == wanted_error, place
        if isinstance(answer, dict) and "access_key" in answer:
            self.last_key = answer["access_key"]

    def learn(self, recorded: Any, answer: Any) -> None:
        if isinstance(recorded, dict) and isinstance(answer, dict):
            for name in recorded.keys() & answer.keys():
                self.learn(recorded[name], answer[name])
        elif isinstance(recorded, list) and isinstance(answer, list):
            for one, other in zip(recorded, answer, strict=False):
                self.learn(one, other)
        elif isinstance(recorded, str) and isinstance(answer, str):
            if IDENTIFIER.fullmatch(recorded) and IDENTIFIER.fullmatch(answer):
                self.ids.setdefault(recorded, answer)

    def limited(self, place: str, parts: Any, recorded: dict[str, Any]) -> None:
        fault = {"face": "api", "path": parts.path, "effect": "rate_limit"}
        self.sandbox.admin("faults", {"faults": [fault]})
        target = f"{self.sandbox.api_url}{parts.path}?{parts.query}"
        status, body, headers = request("GET", target)
        assert (status, body) == (recorded["status"], b""), place
        assert headers["x-envoy-ratelimited"] == "true"
        assert "content-type" not in headers
        assert "retry-after" not in headers

    # S3

    def guess(self, recorded: dict[str, Any], parts: Any) -> dict[str, str]:
        """Headers that the recorded client certainly sent."""
        headers: dict[str, str] = {}
        if recorded["method"] == "PUT" and parts.query == "acl=":
            headers["x-amz-acl"] = "private"
        if "x-id=CopyObject" in parts.query:
            bucket = parts.netloc.partition(".s3.")[0]
            headers["x-amz-copy-source"] = f"{bucket}/myfile/foo"
        return headers

    def s3(
        self, parts: Any, recorded: dict[str, Any], headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        bucket, _, rest = parts.netloc.partition(".s3.")
        path = f"/{bucket}" + (parts.path if parts.path != "/" else "")
        url = f"{self.sandbox.s3_url}{path}" + (f"?{parts.query}" if parts.query else "")
        body = recorded["request_body"].encode()
        if headers.get("x-amz-content-sha256") == TRAILER:
            headers = headers | {"content-encoding": "aws-chunked"}
            size = int(body.split(b"\r\n")[0] or b"0", 16)
            headers["x-amz-decoded-content-length"] = str(size)
            headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        signed = AWSRequest(method=recorded["method"], url=url, data=body, headers=headers)
        credentials = Credentials(
            self.sandbox.env["SCW_ACCESS_KEY"], self.sandbox.env["SCW_SECRET_KEY"]
        )
        signer = S3SigV4Auth(credentials, "s3", rest.split(".")[0])
        if headers.get("x-amz-content-sha256") == TRAILER:
            signer.payload = lambda _request: TRAILER  # type: ignore[method-assign]
        signer.add_auth(signed)
        return request(recorded["method"], url, headers=dict(signed.headers.items()), body=body)


def compare(place: str, wanted: Any, answer: Any) -> None:
    """Same keys, same JSON types, all the way down; lists of the same length."""
    if isinstance(wanted, dict):
        assert isinstance(answer, dict), place
        assert set(answer) == set(wanted), place
        for name, value in wanted.items():
            compare(f"{place} .{name}", value, answer[name])
    elif isinstance(wanted, list):
        assert isinstance(answer, list), place
        assert len(answer) == len(wanted), place
        for index, value in enumerate(wanted):
            compare(f"{place} [{index}]", value, answer[index])
    else:
        assert type(answer) is type(wanted), (place, wanted, answer)


def elements(xml: str | bytes) -> set[str]:
    """The paths of a document's elements, without namespaces."""
    found: set[str] = set()

    def walk(element: ElementTree.Element, above: str) -> None:
        path = f"{above}/{element.tag.rpartition('}')[2]}"
        found.add(path)
        for child in element:
            walk(child, path)

    walk(ElementTree.fromstring(xml), "")  # noqa: S314 (our own and recorded answers)
    return found


def compare_s3(
    place: str, recorded: dict[str, Any], answer: tuple[int, bytes, dict[str, str]]
) -> None:
    status, body, headers = answer
    assert status == recorded["status"], (place, body)
    assert headers["x-amz-request-id"].startswith("txg"), place
    for name in ("x-amz-bucket-region", "etag"):
        assert headers.get(name) == recorded["response_headers"].get(name), place
    text = recorded["response_body"]
    if text.startswith("{"):
        wanted, given = json.loads(text), json.loads(body)
        assert given == wanted, place  # the policy as it was put, actions sorted
    elif text:
        assert elements(body) == elements(text), place
        error = re.search(r"<Code>(.*?)</Code><Message>(.*?)</Message>", text)
        if error is not None:
            assert f"<Code>{error[1]}</Code><Message>{error[2]}</Message>" in body.decode(), place
    else:
        assert body == b"", place
