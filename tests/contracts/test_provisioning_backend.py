"""What Scaleway answers in its own words: the SDK against a live sandbox, and the tests' own fake.

The port's contract, in ours, is in `test_provider.py`.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from requests_app.provisioning.fences import Admission, Fence
from requests_app.provisioning.providers.errors import BucketGone, Denied, NotFound, Permanent
from requests_app.provisioning.providers.scaleway.policies import (
    PERMISSION_SETS,
    render_policy,
    same_policy,
)
from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig, Sdk
from requests_app.provisioning.providers.scaleway.wire import Wire
from requests_app.provisioning.providers.values import NewKey
from tests.requests_app.provisioning import live as live_sandbox
from tests.requests_app.provisioning.fake import FakeBackend


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live_sandbox.Live]:
    sandbox = live_sandbox.start(tmp_path_factory.mktemp("contract"))
    yield sandbox
    sandbox.stop()


@pytest.fixture(params=["fake", "scaleway"])
def backend(request: pytest.FixtureRequest) -> Wire:
    if request.param == "fake":
        return FakeBackend()
    sandbox: live_sandbox.Live = request.getfixturevalue("sandbox")
    return sandbox.sdk()


@pytest.fixture
def project(backend: Wire) -> str:
    return backend.create_project(name=f"hds-{uuid.uuid4().hex[:8]}", marker="m=1")


def bucket_in(backend: Wire, project: str) -> str:
    name = f"c-{uuid.uuid4().hex[:12]}"
    backend.create_bucket(name, project=project)
    return name


def person_with_key(backend: Wire, project: str) -> tuple[str, str, NewKey]:
    """(application, group, key) of somebody with the study's rights."""
    tag = f"t={uuid.uuid4().hex}"
    application = backend.create_application(name="p", tags=[tag])
    group = backend.create_group(name=f"g-{tag[2:10]}", tags=[tag])
    backend.create_policy(
        name=f"p-{tag[2:10]}",
        tags=[tag],
        group=group,
        project=project,
        permission_sets=PERMISSION_SETS,
    )
    backend.set_group_members(group, [application])
    key = backend.create_key(
        application=application,
        marker="cred=1",
        project=project,
        expires_at=datetime.now(UTC) + timedelta(days=2),
    )
    return application, group, key


def test_a_project_is_found_by_name_and_marker_only(backend: Wire) -> None:
    name = f"hds-{uuid.uuid4().hex[:8]}"
    first = backend.create_project(name=name, marker="guichet;req=1")
    second = backend.create_project(name=name, marker="guichet;req=1")
    backend.create_project(name=name, marker="guichet;req=2")
    assert [f.id for f in backend.find_projects(name=name, marker="req=1")] == [first, second]
    backend.delete_project(second)
    backend.delete_project(second)  # gone already: done
    assert [f.id for f in backend.find_projects(name=name, marker="req=1")] == [first]


def test_identities_are_found_by_tag_and_deleted_twice(backend: Wire, project: str) -> None:
    application, group, key = person_with_key(backend, project)
    assert backend.group_members(group) == {application}
    assert [k.access_key for k in backend.find_keys(application=application)] == [key.access_key]
    assert backend.find_keys(application=application)[0].description == "cred=1"
    assert backend.find_applications(tag="t=none") == []
    backend.set_group_members(group, [])
    assert backend.group_members(group) == frozenset()
    assert backend.application_exists(application)
    for _ in range(2):
        backend.delete_key(key.access_key)
        backend.delete_application(application)
        backend.delete_group(group)
    assert not backend.key_exists(key.access_key)
    assert not backend.application_exists(application)


def test_rules_are_read_back_and_replaced(backend: Wire, project: str) -> None:
    tag = f"t={uuid.uuid4().hex}"
    group = backend.create_group(name=f"g-{tag[2:10]}", tags=[tag])
    policy = backend.create_policy(
        name="p", tags=[tag], group=group, project=project, permission_sets=PERMISSION_SETS[:1]
    )
    assert backend.policy_rules(policy) == {(frozenset(PERMISSION_SETS[:1]), frozenset({project}))}
    backend.set_policy_rules(policy, project=project, permission_sets=PERMISSION_SETS)
    assert backend.policy_rules(policy) == {(frozenset(PERMISSION_SETS), frozenset({project}))}
    assert [f.id for f in backend.find_policies(tag=tag)] == [policy]
    backend.delete_policy(policy)
    assert backend.find_policies(tag=tag) == []


def test_a_policy_says_whose_it_is_and_is_given_to_another_group(
    backend: Wire, project: str
) -> None:
    application, group, key = person_with_key(backend, project)
    tag = f"t={uuid.uuid4().hex}"
    other = backend.create_group(name=f"g-{tag[2:10]}", tags=[tag])
    policy = backend.create_policy(
        name="p", tags=[tag], group=group, project=project, permission_sets=PERMISSION_SETS
    )
    assert backend.policy_principal(policy) == group
    backend.bind_policy(policy, group=other)
    assert backend.policy_principal(policy) == other
    assert backend.policy_rules(policy) == {(frozenset(PERMISSION_SETS), frozenset({project}))}
    backend.delete_group(other)
    assert backend.policy_principal(policy) == ""
    backend.delete_policy(policy)
    with pytest.raises(NotFound):
        backend.policy_principal(policy)
    assert backend.key_bearer(key.access_key) == application
    backend.delete_key(key.access_key)
    assert backend.key_bearer(key.access_key) is None


def test_a_bucket_says_what_it_is(backend: Wire, project: str, tmp_path: Path) -> None:
    name = bucket_in(backend, project)
    assert backend.bucket_owner(f"{name}-no", project=project) is None
    assert backend.bucket_state(f"{name}-no", project=project) is None
    state = backend.bucket_state(name, project=project)
    assert state is not None
    assert (state.owner, state.encrypted) == (project, False)
    assert backend.bucket_policy(name, project=project) is None
    assert not state.has_lifecycle
    backend.encrypt_bucket(name, project=project)
    policy = render_policy(Fence(name, "in", backend.portal_principal()))
    backend.put_bucket_policy(name, policy, project=project)
    assert same_policy(backend.bucket_policy(name, project=project), policy)
    assert backend.bucket_state(name, project=project).encrypted  # type: ignore[union-attr]
    file = tmp_path / "a.csv"
    file.write_text("ID\n1\n")
    backend.upload(name, "b/a.csv", file, project=project, sha256="f" * 64)
    sent = backend.object_state(name, "b/a.csv", project=project)
    assert sent is not None
    assert sent.sha256 == "f" * 64
    assert backend.object_state(name, "b/none.csv", project=project) is None


def test_a_bucket_that_is_not_there_is_said_not_to_be(
    backend: Wire, project: str, tmp_path: Path
) -> None:
    """To read its rules is no answer of none: a bucket without rules is open."""
    name = f"c-{uuid.uuid4().hex[:12]}"
    _application, _group, key = person_with_key(backend, project)
    policy = render_policy(Fence(name, "in", backend.portal_principal()))
    (tmp_path / "a.csv").write_text("ID\n")
    asked: list[Callable[[], object]] = [
        lambda: backend.bucket_policy(name, project=project),
        lambda: backend.put_bucket_policy(name, policy, project=project),
        lambda: backend.encrypt_bucket(name, project=project),
        lambda: backend.upload(name, "a", tmp_path / "a.csv", project=project, sha256="f" * 64),
    ]
    for ask in asked:
        with pytest.raises(BucketGone):
            ask()
    assert backend.bucket_owner(name, project=project) is None
    assert backend.object_state(name, "a", project=project) is None
    holder = backend.key_holder(key.access_key, key.secret_key)
    tries = [holder.list(name), holder.get(name, "a"), holder.put(name, "a", b"x")]
    assert all(one.bucket_gone and not one.refused for one in tries)


def test_another_projects_bucket_is_denied(backend: Wire, project: str) -> None:
    name = bucket_in(backend, project)
    other = backend.create_project(name=f"hds-{uuid.uuid4().hex[:8]}", marker="m=2")
    with pytest.raises(Denied):
        backend.bucket_owner(name, project=other)


def test_fences_decide_who_does_what(backend: Wire, project: str) -> None:
    application, group, key = person_with_key(backend, project)
    names = {kind: bucket_in(backend, project) for kind in ("in", "ws")}
    until = datetime.now(UTC) + timedelta(days=1)

    def fence(*admissions: Admission) -> None:
        for kind, name in names.items():
            policy = render_policy(Fence(name, kind, backend.portal_principal(), admissions))
            backend.put_bucket_policy(name, policy, project=project)

    fence()
    holder = backend.key_holder(key.access_key, key.secret_key)
    assert holder.list(names["in"]).refused
    fence(Admission(application, until))
    assert holder.list(names["in"]).allowed
    assert holder.put(names["in"], "x", b"x").refused
    assert holder.put(names["ws"], "x", b"x").allowed
    assert holder.get(names["ws"], "x").allowed
    assert holder.delete(names["ws"], "x").allowed
    backend.set_group_members(group, [])
    assert holder.list(names["in"]).refused
    backend.set_group_members(group, [application])
    backend.delete_key(key.access_key)
    assert holder.list(names["in"]).refused


def test_every_exchange_is_announced_first(backend: Wire, project: str) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    name = bucket_in(backend, project)
    backend.before_call = stop
    exchanges: list[Callable[[], object]] = [
        lambda: backend.create_application(name="x", tags=["x=1"]),
        lambda: backend.bucket_owner(name, project=project),
        lambda: backend.key_holder(f"SCW{'A' * 17}", str(uuid.uuid4())).list(name),
    ]
    for exchange in exchanges:
        with pytest.raises(Stop):
            exchange()


def test_any_region_but_paris_is_refused() -> None:
    uid = str(uuid.uuid4())
    for region in ("nl-ams", "pl-waw", "it-mil", ""):
        with pytest.raises(Permanent):
            Sdk(ScalewayConfig(f"SCW{'A' * 17}", uid, uid, region=region))


def test_quotas_count_what_is_used(backend: Wire, project: str) -> None:
    found = {quota.name: quota for quota in backend.quotas()}
    projects = next(quota for name, quota in found.items() if "project" in name)
    assert projects.limit == 25
    assert projects.used is not None
    assert projects.left == 25 - projects.used
