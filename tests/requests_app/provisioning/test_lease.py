"""Leases, fencing and crashes: whoever dies wherever, a study ends with one of each."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone

from portal.settings.base import REDIS_OPTIONS
from requests_app.models import Credential, Workspace
from requests_app.provisioning import reveal, waking
from requests_app.provisioning.facts import snapshot
from requests_app.provisioning.moves import fenced_move
from requests_app.provisioning.plan import Action
from requests_app.provisioning.worker import turn
from requests_app.provisioning.worker.lease import Lease, LeaseLost
from requests_app.provisioning.worker.passes import Pass
from requests_app.provisioning.worker.reconcile import STEPS, step
from tests.support.rotation import among

from . import world
from .conftest import player
from .fake import FakeBackend, Killed


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both, pytest.mark.faults]


def let_lease_expire(workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1), next_reconcile_at=timezone.now()
    )


def has_one_of_each(backend: FakeBackend, workspace: Workspace, *, persons: int = 1) -> None:
    assert (len(backend.projects), len(backend.groups), len(backend.policies)) == (1, 1, 1)
    assert len(backend.buckets) == 2
    assert all(b.policy and b.encrypted for b in backend.buckets.values())
    assert len(backend.applications) == persons
    assert len(backend.keys) == 2 * persons
    known = Credential.objects.filter(grant__workspace=workspace, deleted_at__isnull=True)
    assert set(backend.keys) == set(known.values_list("access_key", flat=True))


def test_only_one_holds_it_and_numbers_rise() -> None:
    workspace = world.study(staged=False)
    first = Lease.take(workspace.pk)
    assert first is not None
    assert Lease.take(workspace.pk) is None
    let_lease_expire(workspace)
    second = Lease.take(workspace.pk)
    assert second is not None
    assert second.generation == first.generation + 1
    for act in (first.check, first.renew):
        with pytest.raises(LeaseLost):
            act()
    with pytest.raises(LeaseLost), first.write():
        raise AssertionError("an old worker wrote")
    first.release(next_at=None, seen=workspace.next_reconcile_at)
    second.check()  # an old worker's goodbye took nothing away


def test_a_wake_during_a_pass_is_not_lost() -> None:
    workspace = world.study(staged=False)
    seen = workspace.next_reconcile_at
    lease = Lease.take(workspace.pk)
    assert lease is not None
    waking.wake(workspace.pk)
    lease.release(next_at=None, seen=seen)
    workspace.refresh_from_db()
    assert workspace.next_reconcile_at is not None
    assert workspace.next_reconcile_at > seen  # type: ignore[operator]


def test_an_old_worker_that_wakes_up_changes_nothing() -> None:
    """Held up before a call for longer than its lease, while another finished the work."""
    workspace, backend = world.study(), FakeBackend()
    old = Lease.take(workspace.pk)
    assert old is not None
    backend.before_call = old.check
    step(old, backend)
    let_lease_expire(workspace)
    player(lambda: backend)(workspace)
    assert workspace.grants.get().state == "open"
    calls = len(backend.calls)
    backend.before_call = old.check
    work = Pass(old, backend, snapshot(workspace.pk, portal=backend.portal_principal()))
    grant = str(workspace.grants.get().pk)
    for action in (Action("put_fence", "in"), Action("make_key", "probe", grant)):
        with pytest.raises(LeaseLost):
            STEPS[action.name](work, action)
    with pytest.raises(LeaseLost):
        fenced_move(old, workspace.grants.get(), "start_closing")
    assert len(backend.calls) == calls
    has_one_of_each(backend, workspace)


def test_two_workers_on_one_workspace(live: Any) -> None:
    workspace = world.study()

    def work() -> None:
        try:
            for _ in range(30):
                Workspace.objects.filter(pk=workspace.pk).update(next_reconcile_at=timezone.now())
                turn.advance(workspace.pk, make_backend=live.backend)
                if workspace.grants.get().state == "open":
                    return
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    state = live.state()
    assert workspace.grants.get().state == "open"
    assert len(state["api_keys"]) == 3
    assert len(state["applications"]) == 2
    assert len(state["projects"]) == 2


CHANGES = ("create_", "set_", "put_", "encrypt_", "upload", "delete_")


def changes(*, close: bool = False) -> list[int]:
    """Numbers of the exchanges that change something while a study opens, or then closes."""
    first = 0
    workspace, backend = world.study(), FakeBackend()
    play = player(lambda: backend)
    play(workspace)
    if close:
        first = len(backend.calls)
        world.close(workspace.grants.get())
        play(workspace)
    return [n for n, name in enumerate(backend.calls[first:]) if name.startswith(CHANGES)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_change_it_still_opens(when: str) -> None:
    """The worker dies at the n-th change; another takes up what it left.

    For every n in `make faults`; here the first, the last, and a share of those between.
    """
    for number in among(changes()):
        workspace, backend = world.study(), FakeBackend()
        play = player(lambda b=backend: b)  # type: ignore[misc]
        backend.crash_at = (number, when)
        with pytest.raises(Killed):
            play(workspace)
        backend.crash_at = None
        let_lease_expire(workspace)
        play(workspace)
        assert workspace.grants.get().state == "open", (number, backend.calls[number])
        has_one_of_each(backend, workspace)


def test_killed_at_any_change_it_still_closes() -> None:
    """As above, while a study closes."""
    for number in among(changes(close=True)):
        workspace, backend = world.study(), FakeBackend()
        play: Callable[..., Workspace] = player(lambda b=backend: b)  # type: ignore[misc]
        play(workspace)
        world.close(workspace.grants.get())
        opened = len(backend.calls)
        backend.crash_at = (opened + number, "after")
        with pytest.raises(Killed):
            play(workspace)
        backend.crash_at = None
        let_lease_expire(workspace)
        play(workspace)
        grant = workspace.grants.get()
        assert grant.state == "closed", (number, backend.calls[opened + number])
        assert grant.revocation_seconds is not None
        assert not backend.keys
        assert not backend.applications
        assert len(backend.buckets) == 2


def test_killed_at_any_write_it_still_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies after the n-th commit: nothing is left half told.

    For every n in `make faults`; here the first, the last, and a share of those between.
    """
    from contextlib import contextmanager

    real_write, commits = Lease.write, [0]
    crash_after = 0

    @contextmanager
    def write(lease: Lease) -> Any:
        with real_write(lease):
            yield
        if not connection.in_atomic_block:
            commits[0] += 1
            if commits[0] == crash_after:
                raise Killed

    monkeypatch.setattr(Lease, "write", write)
    points = [0]
    while points:
        crash_after = points.pop(0)
        workspace, backend = world.study(), FakeBackend()
        play = player(lambda b=backend: b)  # type: ignore[misc]
        commits[0] = 0
        if crash_after:
            with pytest.raises(Killed):
                play(workspace)
            let_lease_expire(workspace)
            commits[0] = 10_000
        play(workspace)
        if not crash_after:
            total = commits[0]
            assert total > 10
            points = among(range(1, total + 1))
        grant = workspace.grants.get()
        assert grant.state == "open", crash_after
        assert reveal.can_reveal(grant), crash_after
        assert reveal.settings_of(grant) is not None, crash_after
        has_one_of_each(backend, workspace)


def test_broker_down_never_fails_an_act(monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError

    from requests_app.provisioning import waking
    from requests_app.provisioning.worker.tasks import reconcile

    monkeypatch.undo()  # the fixture's silent hint

    tried: list[Any] = []

    def unreachable(*args: Any, **_kwargs: Any) -> None:
        tried.append(args)
        raise OperationalError("connection refused")

    workspace = world.study(staged=False)
    monkeypatch.setattr(waking.current_app, "send_task", unreachable)
    monkeypatch.setattr(waking, "_quiet_until", 0.0)
    for _ in range(3):
        Workspace.objects.update(next_reconcile_at=None)
        waking.wake(workspace.request_id)
        workspace.refresh_from_db()
        assert workspace.next_reconcile_at is not None
    assert len(tried) == 1  # a person waits for a dead broker once
    assert tried[0][:2] == (reconcile.name, (str(workspace.pk),))
    monkeypatch.setattr(waking, "_quiet_until", 0.0)
    waking.wake(workspace.request_id)
    assert len(tried) == 2


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_redis_makes_nobody_wait(silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at once, or a machine that never answers: kombu's own patience is 6 s and 30 s."""
    from requests_app.provisioning import waking

    monkeypatch.undo()  # the fixture's silent hint

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] if silent else 1
        app = Celery(broker=f"redis://127.0.0.1:{port}/0", set_as_current=False)
        app.conf.broker_transport_options = REDIS_OPTIONS
        monkeypatch.setattr(waking, "current_app", app)
        monkeypatch.setattr(waking, "_quiet_until", 0.0)
        started = time.monotonic()
        waking.hint(uuid4())
        assert time.monotonic() - started < 6
        assert waking._quiet_until > started  # it was tried, and failed
