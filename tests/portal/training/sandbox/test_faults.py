"""Faults to order, delayed propagation, and the admin routes themselves."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from scaleway import ScalewayException

from tests.portal.training.sandbox.live import (
    LiveSandbox,
    Study,
    outcome,
    refused,
    request,
    wait_until,
)


pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def _nothing_left(sandbox: LiveSandbox) -> Iterator[None]:
    yield
    sandbox.admin("faults", {"clear": True})
    sandbox.admin("propagation", {})
    sandbox.admin("clock", {"offset": 0, "signature_offset": 0})


def order(sandbox: LiveSandbox, **fault: object) -> None:
    sandbox.admin("faults", {"faults": [fault]})


def test_rate_limit_breaks_the_sdk_as_the_real_one_does(sandbox: LiveSandbox) -> None:
    order(sandbox, face="api", path="/projects", effect="rate_limit", times=2)
    with pytest.raises(ValueError, match="Expecting value"):  # not a ScalewayException
        sandbox.projects.list_projects()
    status, body, headers = request("GET", f"{sandbox.api_url}/account/v3/projects")
    assert (status, body, headers["x-envoy-ratelimited"]) == (429, b"", "true")
    assert sandbox.projects.list_projects().total_count


def test_unavailable_is_text(sandbox: LiveSandbox) -> None:
    order(sandbox, method="GET", path="/iam/", effect="unavailable")
    with pytest.raises(ValueError, match="Expecting value"):
        sandbox.iam.list_groups()
    assert sandbox.iam.list_groups() is not None


def test_refusal_flaps(sandbox: LiveSandbox) -> None:
    order(sandbox, path="/applications", effect="forbidden", times=2, every=2)
    statuses = [sandbox.api("GET", "/iam/v1alpha1/applications")[0] for _ in range(5)]
    assert statuses == [403, 200, 403, 200, 200]


@pytest.mark.parametrize(
    ("path", "body", "listed"),
    [
        ("/account/v3/projects", {"name": "lost-answer"}, "projects"),
        ("/iam/v1alpha1/applications", {"name": "lost-answer"}, "applications"),
        ("/iam/v1alpha1/groups", {"name": "lost-answer"}, "groups"),
        ("/iam/v1alpha1/policies", {"name": "lost-answer", "no_principal": True}, "policies"),
    ],
)
def test_lost_answer_after_a_create(
    sandbox: LiveSandbox, path: str, body: dict[str, object], listed: str
) -> None:
    name = "policy_name" if listed == "policies" else "name"
    for effect, made in (("lost_before", 0), ("lost", 1)):
        order(sandbox, method="POST", path=path, effect=effect)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            sandbox.api("POST", path, body)
        found = sandbox.api("GET", f"{path}?{name}=lost-answer")[1]
        assert found["total_count"] == made


def test_lost_answer_after_create_key_leaves_an_orphan(sandbox: LiveSandbox) -> None:
    application = sandbox.iam.create_application(name="orphan", description="").id
    order(sandbox, method="POST", path="/api-keys", effect="lost")
    body = {"application_id": application, "description": "cred=1"}
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        sandbox.api("POST", "/iam/v1alpha1/api-keys", body)
    [key] = sandbox.iam.list_api_keys(bearer_id=application, page_size=100).api_keys
    assert (key.description, key.secret_key) == ("cred=1", None)


def test_faults_on_s3(sandbox: LiveSandbox) -> None:
    study = Study(sandbox)
    read = {"Bucket": study.input, "Key": "data/one.csv"}
    order(sandbox, face="s3", path=study.input, effect="forbidden", times=2)
    assert refused(lambda: study.s3.get_object(**read))
    assert refused(lambda: study.s3.get_object(**read))
    assert outcome(lambda: study.s3.get_object(**read)) == "ok"
    order(sandbox, face="s3", effect="status", status=503, body="slow down")
    with pytest.raises(ClientError):
        study.s3.get_object(**read)
    bucket = f"{study.name}-lost"
    order(sandbox, face="s3", method="PUT", path=bucket, effect="lost")
    url = study.owner.generate_presigned_url("create_bucket", Params={"Bucket": bucket})
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        request("PUT", url)
    assert outcome(lambda: study.owner.head_bucket(Bucket=bucket)) == "ok"
    order(sandbox, face="s3", effect="slow", seconds=0.5)
    start = time.monotonic()
    assert outcome(lambda: study.s3.get_object(**read)) == "ok"
    assert time.monotonic() - start > 0.5


def test_revocation_travels_and_flaps(sandbox: LiveSandbox) -> None:
    study = Study(sandbox)
    read = {"Bucket": study.input, "Key": "data/one.csv"}
    sandbox.admin("propagation", {"revoke_delay": 1.5})
    sandbox.iam.delete_api_key(access_key=study.key.access_key)
    seen = [outcome(lambda: study.s3.get_object(**read)) for _ in range(6)]
    assert set(seen) == {"ok", "403 AccessDenied"}  # one refusal proves nothing
    time.sleep(1.6)
    for _ in range(6):
        assert refused(lambda: study.s3.get_object(**read))


def test_grant_travels(sandbox: LiveSandbox) -> None:
    sandbox.admin("propagation", {"grant_delay": 1.0, "flapping": False})
    study = Study.__new__(Study)
    study.sandbox, study.addresses, study.name = sandbox, ("127.0.0.1/32",), "grant-travels"
    project = sandbox.projects.create_project(name=study.name, description="").id
    client = sandbox.s3(project=project)
    assert refused(lambda: client.create_bucket(Bucket="grant-travels-1"))
    assert wait_until(
        lambda: outcome(lambda: client.create_bucket(Bucket="grant-travels-1")) == "ok"
    )


def test_clock_skew(sandbox: LiveSandbox) -> None:
    sandbox.admin("clock", {"signature_offset": 3600})
    assert outcome(lambda: sandbox.s3().list_buckets()) == "403 RequestTimeTooSkewed"
    sandbox.admin("clock", {"signature_offset": 0})
    assert outcome(lambda: sandbox.s3().list_buckets()) == "ok"


def test_state_holds_no_secret(sandbox: LiveSandbox) -> None:
    study = Study(sandbox)
    text = json.dumps(sandbox.admin("state", method="GET"))
    assert study.application in text
    assert study.input in text
    assert str(study.key.secret_key) not in text
    assert sandbox.env["SCW_SECRET_KEY"] not in text


def test_admin_routes_need_their_token(sandbox: LiveSandbox) -> None:
    url = f"{sandbox.api_url}/sandbox/state"
    assert request("GET", url)[0] == 401
    assert request("GET", url, headers={"x-sandbox-token": "wrong"})[0] == 401
    token = {"x-sandbox-token": "admin-token-of-tests"}
    for route, body, status in (
        ("nothing", b"", 404),
        ("clock", b"{", 400),
        ("faults", b'{"faults": [{"effect": "lost", "path": "("}]}', 400),
        ("faults", b'{"faults": [{"effect": "explode"}]}', 400),
        ("quotas", b'{"quotas": {"nothing": 1}}', 400),
        ("propagation", b'{"grant_delay": -1}', 400),
    ):
        answer = request("POST", f"{sandbox.api_url}/sandbox/{route}", headers=token, body=body)
        assert answer[0] == status, (route, answer)


def test_reset_and_admin_routes_off(root: Path) -> None:
    live = LiveSandbox(root).start()
    try:
        Study(live)
        before = dict(live.env)
        live.admin("reset")
        assert live.admin("state", method="GET")["usage"] == {
            "projects": 1, "iam_applications": 1, "iam_policies": 1, "iam_groups": 0,
            "iam_api_keys": 1, "object_storage_buckets": 0,
        }  # fmt: skip
        assert live.projects.list_projects().total_count == 1  # the portal's key still works
        live.stop()
        live.admin_on = False
        live.start()
        assert {**before} == {**live.env, "SANDBOX_ADMIN_TOKEN": before["SANDBOX_ADMIN_TOKEN"]}
        status, body, _ = live.api("GET", "/sandbox/state")
        assert (status, body["message"]) == (404, "page not found")
    except ScalewayException as error:
        pytest.fail(str(error))
    finally:
        live.stop()
