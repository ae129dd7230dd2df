"""The SDK's wrapper: what is tried again, what is told, what is never logged."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests

from requests_app.provisioning.providers import errors
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.providers.scaleway.transport import (
    ATTEMPTS,
    TIMEOUTS,
    TokenBucket,
    backoff,
    error_of,
)


pytestmark = pytest.mark.faults


UID = "11111111-2222-4333-8444-555555555555"


def answer(status: int, body: Any = None, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b"" if body is None else json.dumps(body).encode()
    response.headers.update(headers)
    return response


class Session:
    """Answers in order; the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        self.sent.append({"method": method, "url": url, **options})
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]


@pytest.fixture
def make() -> Callable[..., tuple[Sdk, Session]]:
    def build(*answers: Any) -> tuple[Sdk, Session]:
        backend = Sdk(ScalewayConfig(f"SCW{'A' * 17}", UID, UID))
        session = Session(*answers)
        backend._iam.session = session
        backend._projects.session = session
        return backend, session

    return build


KEY = {
    "access_key": f"SCW{'B' * 17}",
    "secret_key": "9f3c5e0a-0000-4000-8000-000000000000",
    "application_id": UID,
    "description": "m",
    "default_project_id": UID,
    "editable": True,
    "deletable": True,
    "managed": False,
    "creation_ip": "127.0.0.1",
}


def test_every_call_has_timeouts_and_a_body(make: Any) -> None:
    backend, session = make(answer(200, {"applications": [], "total_count": 0}))
    backend.find_applications(tag="a=1")
    sent = session.sent[0]
    assert sent["timeout"] == TIMEOUTS
    assert sent["data"] == "{}"
    assert sent["headers"]["x-auth-token"] == UID
    assert ("page_size", 100) in sent["params"]


def test_an_empty_429_is_tried_again_then_told(make: Any) -> None:
    good = answer(200, {"applications": [], "total_count": 0})
    backend, session = make(answer(429), answer(429), good)
    assert backend.find_applications(tag="a=1") == []
    assert len(session.sent) == 3
    backend, session = make(answer(429))
    with pytest.raises(errors.Transient):
        backend.find_applications(tag="a=1")
    assert len(session.sent) == ATTEMPTS


@pytest.mark.parametrize(
    "fault", [answer(503), answer(502), requests.ReadTimeout(), requests.ConnectionError("reset")]
)
def test_a_create_that_may_be_applied_is_not_repeated(make: Any, fault: Any) -> None:
    backend, session = make(fault)
    with pytest.raises(errors.Transient):
        backend.create_application(name="x", tags=["a=1"])
    assert len(session.sent) == 1
    backend, session = make(fault, answer(200, {"applications": []}))
    assert backend.find_applications(tag="a=1") == []
    assert len(session.sent) == 2


def test_a_create_that_was_never_sent_is_repeated(make: Any) -> None:
    made = {"id": UID, "name": "x", "tags": []}
    backend, session = make(requests.ConnectTimeout(), answer(429), answer(200, made))
    assert backend.create_application(name="x", tags=["a=1"]) == UID
    assert len(session.sent) == 3


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (400, {"type": "invalid_arguments", "message": "m", "details": []}, errors.Permanent),
        (401, {"type": "denied_authentication", "message": "m"}, errors.Permanent),
        (403, {"type": "permissions_denied", "message": "m", "details": []}, errors.Denied),
        (404, {"type": "not_found", "message": "m"}, errors.NotFound),
        (409, {"type": "transient_state", "message": "m"}, errors.Transient),
        (412, {"type": "precondition_failed", "message": "m"}, errors.Busy),
        (423, {"type": "locked", "message": "m"}, errors.Permanent),
        (429, None, errors.Unreachable),
        (500, {"message": "m"}, errors.Unreachable),
        (503, None, errors.Unreachable),
    ],
)
def test_each_answer_has_its_error(status: int, body: Any, cls: type[Exception]) -> None:
    found = error_of(answer(status, body, **{"x-request-id": "r-1"}))
    assert type(found) is cls
    assert (found.status, found.request_id) == (status, "r-1")


def test_errors_that_carry_something_keep_it() -> None:
    details = [{"resource": "iam_applications", "quota": 100, "current": 100}]
    quota = error_of(answer(403, {"type": "quotas_exceeded", "message": "m", "details": details}))
    assert isinstance(quota, errors.QuotaExceeded)
    assert (quota.resource, quota.limit, quota.current) == ("iam_applications", 100, 100)
    exists = error_of(answer(409, {"type": "already_exists", "message": "m", "resource_id": UID}))
    assert isinstance(exists, errors.AlreadyExists)
    assert exists.existing_id == UID


def test_no_secret_in_any_log(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    from datetime import UTC, datetime

    backend, _session = make(answer(200, KEY))
    with caplog.at_level(logging.DEBUG):
        made = backend.create_key(
            application=UID, marker="m", project=UID, expires_at=datetime(2030, 1, 1, tzinfo=UTC)
        )
    assert made.secret_key == KEY["secret_key"]
    assert KEY["secret_key"] not in caplog.text
    assert KEY["secret_key"] not in repr(made)
    assert UID not in repr(ScalewayConfig("a", UID, "o"))


def test_empty_ids_are_never_sent(make: Any) -> None:
    backend, session = make(answer(204))
    for call in (
        lambda: backend.delete_project(""),
        lambda: backend.delete_project(UID),  # the organisation's default project
        lambda: backend.delete_application(""),
        lambda: backend.delete_key(""),
        lambda: backend.delete_key(f"SCW{'A' * 17}"),  # the portal's own
        lambda: backend.bucket_owner("b", project=""),
    ):
        with pytest.raises(ValueError, match=r"."):
            call()
    assert session.sent == []


def test_waits_grow_and_are_capped() -> None:
    assert all(0 <= backoff(n, base=1, cap=8) <= min(8, 2**n) for n in range(30) for _ in range(5))


def test_the_bucket_lets_a_burst_through_then_slows(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    bucket = TokenBucket(rate=10, burst=3)
    for _ in range(5):
        bucket.take()
    assert len(slept) == 2
    assert 0.05 < slept[0] <= 0.1
