"""A refusal is counted and shown, never taken for progress: no name, no key, no call too many."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import Role
from requests_app.models import CloudResource, Workspace
from requests_app.provisioning.providers.errors import Denied, Transient, Unreachable
from requests_app.provisioning.providers.scaleway.storage import Buckets
from requests_app.provisioning.worker import reconcile, turn
from requests_app.provisioning.worker.buckets import RENAMES, names_of
from requests_app.provisioning.worker.lease import Lease
from requests_app.provisioning.worker.reconcile import step
from tests.support.client import client_for
from tests.support.people import with_role

from . import world
from .conftest import player
from .fake import Bucket, FakeBackend


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


def refused(*names: str, times: int = 10_000) -> Callable[[str], None]:
    """The first `times` exchanges of these names answer 403."""
    left = [times]

    def play(name: str) -> None:
        if name in names and left[0]:
            left[0] -= 1
            raise Denied("AccessDenied", status=403)

    return play


def steps_of(workspace: Workspace, backend: FakeBackend, *, until: Callable[[], bool]) -> None:
    """Step after step under one lease, waits left out."""
    lease = Lease.take(workspace.pk)
    assert lease is not None
    for _ in range(60):
        if until():
            break
        step(lease, backend)
    else:
        raise AssertionError("never came")
    lease.release(next_at=timezone.now(), seen=workspace.next_reconcile_at)
    workspace.refresh_from_db()


def age_project(workspace: Workspace) -> None:
    """The project was made before the last propagation window."""
    long_ago = timezone.now() - timedelta(days=1)
    row = CloudResource.objects.filter(workspace=workspace, kind="project")
    row.update(attempted_at=long_ago, created_at=long_ago)


def test_refusals_on_a_young_project_are_waited_out_under_one_name(backend: FakeBackend) -> None:
    """Rights on object storage arrive minutes after the project: the name is not at fault."""
    workspace = world.study()
    backend.weather = refused("bucket_owner", times=9)
    steps_of(workspace, backend, until=lambda: backend.calls.count("bucket_owner") == 9)
    assert backend.looked_at == [f"{workspace.slug}-in"]
    assert workspace.tries == 9
    assert workspace.failure_code == "denied"
    assert workspace.failing_since is not None
    assert "n’a pas encore propagé les droits du projet, nouvel essai à" in workspace.last_error
    workspace = player(lambda: backend)(workspace)
    assert workspace.grants.get().state == "open"
    assert backend.looked_at == [f"{workspace.slug}-in", f"{workspace.slug}-ws"]
    assert (workspace.tries, workspace.last_error, workspace.failing_since) == (0, "", None)


def test_the_operator_reads_why_and_when_the_next_try_is(backend: FakeBackend) -> None:
    workspace = world.study()
    backend.weather = refused("bucket_owner")
    steps_of(workspace, backend, until=lambda: backend.calls.count("bucket_owner") == 3)
    client = client_for(with_role(Role.OPERATOR), verified=True)
    url = reverse("requests_app:operations_workspace", args=[workspace.pk])
    page = client.get(url).content.decode()
    assert "n’a pas encore propagé les droits du projet, nouvel essai à" in page
    assert "3 essais" in page


def test_a_refused_portal_gives_its_slot_back_between_tries(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "backoff", lambda *_args, **_kwargs: 200.0)
    workspace = world.study()
    backend.weather = refused("bucket_owner")
    turn.advance(workspace.pk, make_backend=lambda: backend, budget=20)
    workspace.refresh_from_db()
    assert backend.calls.count("bucket_owner") == 1
    assert workspace.next_reconcile_at is not None
    assert turn.PATIENCE < reconcile.PROPAGATION_RETRY <= 60
    assert workspace.next_reconcile_at <= timezone.now() + timedelta(
        seconds=reconcile.PROPAGATION_RETRY
    )


def test_a_name_taken_by_another_is_changed_once_rights_have_arrived(backend: FakeBackend) -> None:
    workspace = world.study()
    backend.buckets[f"{workspace.slug}-in"] = Bucket("somebody-else")
    steps_of(workspace, backend, until=lambda: workspace_tries(workspace) == 2)
    assert backend.looked_at == [f"{workspace.slug}-in"]  # the window has not passed
    age_project(workspace)
    workspace = player(lambda: backend)(workspace)
    assert workspace.grants.get().state == "open"
    assert backend.looked_at[1] in names_of(workspace, "in")[1:]
    assert len(backend.looked_at) == 3
    assert {b.project for n, b in backend.buckets.items() if n != f"{workspace.slug}-in"} == {
        next(iter(backend.projects))
    }


def workspace_tries(workspace: Workspace) -> int:
    return Workspace.objects.values_list("tries", flat=True).get(pk=workspace.pk)


def test_a_portal_without_rights_tries_few_names_and_ends_told(backend: FakeBackend) -> None:
    """Refused for ever: each pass is a failure that counts, and the names come to an end."""
    workspace = world.study()
    backend.weather = refused("bucket_owner")
    steps_of(workspace, backend, until=lambda: workspace_tries(workspace) == 1)
    age_project(workspace)
    long_ago = timezone.now() - timedelta(days=1)
    Workspace.objects.filter(pk=workspace.pk).update(failing_since=long_ago)
    steps_of(workspace, backend, until=lambda: workspace_tries(workspace) == 12)
    assert backend.looked_at == names_of(workspace, "in")
    assert len(backend.looked_at) == RENAMES + 1
    assert backend.calls.count("bucket_owner") == 12 + RENAMES  # one look a try, one a new name
    assert workspace.failing_since == long_ago
    assert workspace.failure_code == "denied"
    assert "refuse l’opération au portail" in workspace.last_error
    assert workspace.grants.get().state == "failed"


def test_a_bucket_of_another_project_is_no_endless_change_of_names(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = world.study()

    def owner(bucket: str, *, project: str) -> str:
        backend.looked_at.append(bucket)
        return "another-project"

    monkeypatch.setattr(backend, "bucket_owner", owner)
    steps_of(workspace, backend, until=lambda: workspace_tries(workspace) == 3)
    assert len(set(backend.looked_at)) == RENAMES + 1
    assert "tous les noms" in workspace.last_error


def test_an_answer_without_owner_is_tried_again_and_no_one_elses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buckets = Buckets(
        endpoint="http://127.0.0.1:1", region="fr-par", access_key="a", secret_key="s",
        before_call=lambda: None,
    )  # fmt: skip
    empty = SimpleNamespace(get_bucket_acl=lambda **_kw: {"Owner": {}, "Grants": []})
    monkeypatch.setattr(buckets, "_client", lambda _project: empty)
    with pytest.raises(Transient):
        buckets.owner("b", project="p")


def test_a_key_whose_answer_is_lost_each_time_counts_its_failures(backend: FakeBackend) -> None:
    workspace = world.study()
    left = [5]

    def lose(name: str) -> None:
        if name == "create_key" and left[0]:
            left[0] -= 1
            raise Unreachable("no answer", status=0)

    backend.lost = lose
    tries: list[int] = []

    def all_lost() -> bool:
        tries.append(workspace_tries(workspace))
        return not left[0]

    steps_of(workspace, backend, until=all_lost)
    assert workspace.tries == 5
    assert len(backend.keys) == 1  # each lost one was found and deleted
    workspace = player(lambda: backend)(workspace)
    assert workspace.grants.get().state == "open"
    assert len(backend.keys) == 2


def test_the_same_names_whichever_worker_asks(backend: FakeBackend) -> None:
    workspace: Any = world.study(staged=False)
    first, second = names_of(workspace, "in"), names_of(workspace, "in")
    assert first == second
    assert len({*first, *names_of(workspace, "ws")}) == 2 * (RENAMES + 1)
    assert all(len(name) <= 63 for name in first)
