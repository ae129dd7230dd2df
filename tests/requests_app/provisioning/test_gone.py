"""What another hand deleted at the provider, or what a lost answer left there, ends no closing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from requests_app.models import Outbox, Workspace
from requests_app.permits import operations
from requests_app.provisioning import waking
from requests_app.provisioning.providers.values import Answer
from requests_app.provisioning.worker import turn

from . import world
from .conftest import player
from .fake import Bucket, FakeBackend, FakeHolder, Killed


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def play(backend: FakeBackend) -> Callable[..., Workspace]:
    return player(lambda: backend)


def lose_application(backend: FakeBackend) -> str:
    """By hand, at the provider: its keys and its memberships go with it."""
    (application,) = backend.applications
    backend.applications.clear()
    backend.keys.clear()
    for group in backend.groups.values():
        group.members.clear()
    return application


@pytest.mark.parametrize("wanted", ["closed", "suspended"])
def test_an_application_removed_by_hand_is_a_closed_side(
    backend: FakeBackend, play: Any, wanted: str
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    application = lose_application(backend)
    world.close(grant, wanted=wanted)
    first = len(backend.calls)
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.observed) == (wanted, "absent")
    assert not grant.credentials.filter(deleted_at__isnull=True).exists()
    said = AuditEvent.objects.get(action="grant.prove_closed").data
    assert (said["tries"], said["application_absent"]) == (0, application)
    proof = operations.proof_of(grant)
    assert proof is not None
    assert proof.rounds == 0
    asked = backend.calls[first:]
    noted = asked.index("application_exists")
    assert asked[noted:].count("bucket_policy") >= 2  # fences and members, read after
    assert "group_members" in asked[noted:]
    assert all(application not in str(b.policy) for b in backend.buckets.values())


def test_a_suspended_person_whose_application_went_gets_another(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    lost = lose_application(backend)
    world.close(grant, wanted="suspended")
    play(workspace)
    world.reopen(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "open"
    assert list(backend.applications) != [lost]
    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert (grant.state, grant.observed) == ("closed", "refused")


def test_a_key_refused_while_the_application_is_there_proves_nothing(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 404 is another's: the study's project, say."""
    workspace = play(world.study())
    grant = workspace.grants.get()
    (application,) = backend.applications
    lose_application(backend)
    monkeypatch.setattr(backend, "application_exists", lambda one: one == application)
    world.close(grant)
    for _ in range(3):
        Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
        turn.advance(workspace.pk, make_backend=lambda: backend, budget=5)
    grant.refresh_from_db()
    assert grant.state == "failed"
    assert grant.proof_at is None


def test_an_application_whose_create_was_lost_is_waited_for_in_lists(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died before the answer, and lists lag: the closing lets it show up."""
    workspace = world.study()

    def die(name: str) -> None:
        if name == "create_application":
            raise Killed(name)

    backend.lost = die
    with pytest.raises(Killed):
        turn.advance(workspace.pk, make_backend=lambda: backend, budget=5)
    backend.lost = lambda _name: None
    assert len(backend.applications) == 1
    Workspace.objects.filter(pk=workspace.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
    real = backend.find_applications
    answers = iter([False])
    monkeypatch.setattr(
        backend, "find_applications", lambda *, tag: real(tag=tag) if next(answers, True) else []
    )
    world.close(workspace.grants.get())
    play(workspace)
    assert workspace.grants.get().state == "closed"
    assert not backend.applications


# --- Buckets --------------------------------------------------------------------------------------


def lose_buckets(backend: FakeBackend, *kinds: str) -> dict[str, Bucket]:
    """By hand, at the provider, with what they hold."""
    names = [name for name in backend.buckets if name.endswith(tuple(f"-{k}" for k in kinds))]
    return {name: backend.buckets.pop(name) for name in names}


def findings() -> list[str]:
    rows = Outbox.objects.filter(topic="drift_found").order_by("pk")
    return [row.data["finding"] for row in rows]


@pytest.mark.parametrize(
    ("wanted", "kinds"), [("closed", ["in", "ws"]), ("closed", ["ws"]), ("suspended", ["in"])]
)
def test_a_bucket_removed_by_hand_is_a_closed_side(
    backend: FakeBackend, play: Any, wanted: str, kinds: list[str]
) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    (application,) = backend.applications
    lost = lose_buckets(backend, *kinds)
    world.close(grant, wanted=wanted)
    workspace = play(workspace)
    grant.refresh_from_db()
    assert (grant.state, workspace.last_error) == (wanted, "")
    assert bool(backend.keys) == bool(backend.applications) == (wanted == "suspended")
    assert findings() == ["bucket_gone"] * len(kinds)
    assert not set(lost) & set(backend.buckets)
    assert all(application not in str(b.policy) for b in backend.buckets.values())
    proof = AuditEvent.objects.get(action="grant.prove_closed").data
    assert (proof["buckets_gone"], proof["policies_read"]) == (kinds, 2 - len(kinds))
    assert proof["tries"] == 4


def test_a_bucket_removed_while_the_closing_is_proven_is_found(
    backend: FakeBackend, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one of its name made by another hand meanwhile gets the portal's rules."""
    workspace = play(world.study())
    grant = workspace.grants.get()
    times = [0]
    real = FakeHolder.list
    held: dict[str, Bucket] = {}

    def meddled(holder: FakeHolder, bucket: str, *, prefix: str = "") -> Answer:
        times[0] += 1
        if times[0] == 2:
            held.update(lose_buckets(backend, "in"))
        if times[0] == 4:
            backend.buckets[bucket] = Bucket(held[bucket].project)
        return real(holder, bucket, prefix=prefix)

    monkeypatch.setattr(FakeHolder, "list", meddled)
    world.close(grant)
    workspace = play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert findings() == ["bucket_gone", "bucket_back"]
    assert all(b.policy is not None for b in backend.buckets.values())
    assert AuditEvent.objects.get(action="grant.prove_closed").data["buckets_gone"] == []


def test_an_open_study_waits_for_its_bucket_and_never_makes_it_again(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    first = workspace.grants.get()
    lost = lose_buckets(backend, "in")
    second = world.add_person(workspace, first.permit, world.person())
    waking.wake(workspace.pk)
    workspace = play(workspace)
    for grant, state in ((first, "open"), (second, "failed")):
        grant.refresh_from_db()
        assert grant.state == state
    assert first.observed == "vanished"
    assert workspace.failure_code == "vanished"
    assert "rétablissez-le" in workspace.last_error
    assert findings() == ["bucket_gone"]
    assert not set(lost) & set(backend.buckets)
    backend.buckets.update(lost)  # restored, with what it held
    waking.wake(workspace.pk)
    workspace = play(workspace)
    second.refresh_from_db()
    assert (second.state, workspace.last_error) == ("open", "")
    assert findings() == ["bucket_gone", "bucket_back"]


def test_a_bucket_made_again_empty_by_another_hand_passes_for_nothing(
    backend: FakeBackend, play: Any
) -> None:
    workspace = play(world.study())
    for name, bucket in lose_buckets(backend, "in").items():
        backend.buckets[name] = Bucket(bucket.project)
    Workspace.objects.filter(pk=workspace.pk).update(observed_at=None)
    waking.wake(workspace.pk)
    play(workspace)
    assert findings() == ["no_fence", "extract_gone", "not_encrypted"]
    assert all(b.policy is not None for b in backend.buckets.values())
