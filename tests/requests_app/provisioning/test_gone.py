"""What another hand deleted at the provider, or what a lost answer left there, ends no closing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from requests_app import operations
from requests_app.models import Workspace
from requests_app.provisioning import run

from . import world
from .conftest import player
from .fake import FakeBackend, Killed


pytestmark = pytest.mark.django_db(transaction=True)


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
        run.advance(workspace.pk, make_backend=lambda: backend, budget=5)
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
        run.advance(workspace.pk, make_backend=lambda: backend, budget=5)
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
