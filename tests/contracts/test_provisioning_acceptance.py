"""The product's own backend, unchanged, opens and closes studies on both stores of the sandbox.

`moto` is the embedded store behind the sandbox's own rules; with `rgw` a real Ceph gateway decides
every access. Nothing here knows which one answers, but for what a real gateway cannot be told (its
clock).
"""

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from requests.adapters import HTTPAdapter

from requests_app.models import Credential, Grant, Outbox, Workspace
from requests_app.provisioning import reveal, waking
from requests_app.provisioning.reveal import RevealedKey
from tests.requests_app.provisioning import live as live_sandbox
from tests.requests_app.provisioning import world
from tests.requests_app.provisioning.conftest import player, quick  # noqa: F401 (a fixture)
from tests.requests_app.provisioning.live import Live


pytestmark = pytest.mark.django_db(transaction=True)

STORES = ["moto", pytest.param("rgw", marks=pytest.mark.engine("rgw"))]
UNDECLARED = "127.0.0.9"
Play = Callable[..., Workspace]


@pytest.fixture(scope="module", params=STORES)
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    sandbox = live_sandbox.start(tmp_path_factory.mktemp(request.param), store=request.param)
    names = ("projects", "iam_policies", "iam_groups", "iam_applications", "iam_api_keys")
    sandbox.order("quotas", quotas=dict.fromkeys(names, 1000))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def play(live: Live) -> Play:
    return player(live.backend)


class Researcher:
    """Somebody with a revealed key, doing what researchers do."""

    def __init__(self, live: Live, grant: Grant) -> None:
        self.grant = Grant.objects.select_related("person", "workspace").get(pk=grant.pk)
        self.key: RevealedKey = reveal.reveal(self.grant, by=self.grant.person)
        self.s3: Any = live.s3(self.key.access_key, self.key.secret_key)
        self.bucket_in, self.bucket_ws = self.key.settings.bucket_in, self.key.settings.bucket_ws

    def status(self, operation: str, **arguments: Any) -> int:
        try:
            answer = getattr(self.s3, operation)(**arguments)
        except ClientError as error:
            answer = error.response
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    def reads(self) -> int:
        return self.status("get_object", Bucket=self.bucket_in, Key="manifest.json")

    def presigned(self) -> str:
        arguments = {"Bucket": self.bucket_in, "Key": "manifest.json"}
        return str(self.s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=3600))


class FromAddress(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


def status_from(address: str, url: str) -> int:
    session = requests.Session()
    session.mount("http://", FromAddress(address))
    return session.get(url, timeout=20).status_code


def opened(play: Play, persons: int = 1) -> list[Grant]:
    workspace = play(world.study([world.person() for _ in range(persons)]))
    assert workspace.last_error == ""
    grants = list(workspace.grants.order_by("created_at"))
    assert {g.state for g in grants} == {"open"}
    return grants


def test_an_open_access_gives_what_was_approved_and_nothing_else(live: Live, play: Play) -> None:
    other = opened(play)[0]
    somebody = Researcher(live, opened(play)[0])
    neighbour = Researcher(live, other)
    manifest = json.loads(
        somebody.s3.get_object(Bucket=somebody.bucket_in, Key="manifest.json")["Body"].read()
    )
    for entry in manifest["files"]:
        body = somebody.s3.get_object(Bucket=somebody.bucket_in, Key=entry["file"])["Body"].read()
        assert len(body) == entry["bytes"]
        assert body.splitlines()[0].decode().split(",") == entry["variables"]
    where = {"Bucket": somebody.bucket_in, "Key": "mine.csv"}
    assert somebody.status("put_object", **where, Body=b"x") == 403
    assert somebody.status("delete_object", Bucket=somebody.bucket_in, Key="manifest.json") == 403
    work = {"Bucket": somebody.bucket_ws, "Key": "mine.csv"}
    assert somebody.status("put_object", **work, Body=b"x") == 200
    assert somebody.status("get_object", **work) == 200
    somebody.s3.upload_fileobj(
        io.BytesIO(b"x" * (6 << 20)),
        somebody.bucket_ws,
        "large.bin",
        Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20),
    )
    assert somebody.status("delete_object", **work) == 204
    for bucket in (neighbour.bucket_in, neighbour.bucket_ws):
        assert somebody.status("list_objects_v2", Bucket=bucket) == 403
        assert somebody.status("put_object", Bucket=bucket, Key="x", Body=b"x") == 403
    url = somebody.presigned()
    assert status_from("127.0.0.1", url) == 200
    assert status_from(UNDECLARED, url) == 403


def test_revoked_with_its_proof_while_the_other_works_on(live: Live, play: Play) -> None:
    grants = opened(play, persons=2)
    leaver, stayer = (Researcher(live, grant) for grant in grants)
    url = leaver.presigned()
    assert requests.get(url, timeout=20).status_code == 200
    world.close(leaver.grant)
    play(leaver.grant.workspace)
    grant = Grant.objects.get(pk=leaver.grant.pk)
    assert grant.state == "closed"
    assert grant.revocation_seconds is not None
    assert [leaver.reads() for _ in range(5)] == [403] * 5
    assert requests.get(url, timeout=20).status_code == 403
    assert stayer.reads() == 200
    refused = list(grant.probes.filter(expected="refused").order_by("-at", "-pk")[:20])
    assert [p.status for p in refused] == [403] * 20
    backend = live.backend()
    for credential in Credential.objects.filter(grant=grant):
        assert credential.deleted_at is not None
        assert not backend.key_exists(credential.access_key)


def test_suspended_and_resumed_with_the_same_key(live: Live, play: Play) -> None:
    somebody = Researcher(live, opened(play)[0])
    world.close(somebody.grant, wanted="suspended")
    play(somebody.grant.workspace)
    assert somebody.reads() == 403
    world.reopen(somebody.grant)
    play(somebody.grant.workspace)
    assert somebody.reads() == 200


def test_rotated_the_old_key_is_dead_before_the_new_one_lives(live: Live, play: Play) -> None:
    somebody = Researcher(live, opened(play)[0])
    reveal.rotate(somebody.grant, by=somebody.grant.person)
    play(somebody.grant.workspace)
    again = Researcher(live, somebody.grant)
    assert (somebody.reads(), again.reads()) == (403, 200)


def test_a_policy_that_forgets_the_portal_is_repaired(live: Live, play: Play) -> None:
    somebody = Researcher(live, opened(play)[0])
    workspace, backend = somebody.grant.workspace, live.sdk()
    project = workspace.resources.get(kind="project").external_id
    policy = dict(backend.bucket_policy(somebody.bucket_in, project=project) or {})
    policy["Statement"] = policy["Statement"][1:]
    backend.put_bucket_policy(somebody.bucket_in, policy, project=project)
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    waking.wake(workspace.pk)
    play(workspace)
    found = backend.bucket_policy(somebody.bucket_in, project=project)
    assert found is not None
    assert "portal" in [s["Sid"] for s in found["Statement"]]
    assert somebody.reads() == 200


def test_a_group_deleted_by_hand_comes_back_with_its_rights(live: Live, play: Play) -> None:
    somebody = Researcher(live, opened(play)[0])
    workspace, backend = somebody.grant.workspace, live.sdk()
    for found in backend.find_groups(tag=f"guichet-req={workspace.request_id}"):
        backend.delete_group(found.id)
    assert somebody.reads() == 403
    found_before = Outbox.objects.filter(topic="drift_found").count()
    for findings in (1, 0):  # the second inspection finds nothing
        Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
        waking.wake(workspace.pk)
        play(workspace)
        assert somebody.reads() == 200
        found_now = Outbox.objects.filter(topic="drift_found").count()
        assert found_now - found_before == findings
        found_before = found_now


@pytest.mark.parametrize("live", ["moto"], indirect=True)  # a real gateway's clock stands still
def test_the_providers_own_end_is_the_backstop(live: Live, play: Play) -> None:
    """The portal being dead, the key and the fences still end with the access."""
    somebody = Researcher(live, opened(play)[0])
    live.order("clock", offset=timedelta(days=301).total_seconds())
    try:
        assert somebody.reads() == 403
    finally:
        live.order("clock", offset=0)
    assert somebody.reads() == 200


def test_how_long_it_takes(live: Live, play: Play, record_property: Any) -> None:
    """Figures for the note: from the wish to the proof, with the number of rounds of production."""
    workspace = world.study()
    started = time.monotonic()
    play(workspace)
    took = time.monotonic() - started
    grant = workspace.grants.get()
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert grant.revocation_seconds is not None
    record_property("open_seconds", round(took, 2))
    record_property("revoke_seconds", round(grant.revocation_seconds, 2))
    print(f"open {took:.2f} s, revoke {grant.revocation_seconds:.2f} s")  # noqa: T201
    assert took < 60
    assert grant.revocation_seconds < 60
