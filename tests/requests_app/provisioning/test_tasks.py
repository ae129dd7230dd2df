"""Beat's sweep, hints and announcements: truth is in rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests_app.models import Grant, Outbox, ProviderReading, Workspace
from requests_app.provisioning import labels, outbox, quotas, signals
from requests_app.provisioning.providers.errors import Transient
from requests_app.provisioning.worker import tasks, turn

from . import world
from .conftest import player
from .fake import FakeBackend


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(
        tasks.reconcile, "apply_async", lambda args, **_options: found.append(args[0])
    )
    return found


def test_the_sweep_takes_up_what_nobody_holds(sent: list[str]) -> None:
    due, held, dead, later = (world.study(staged=False) for _ in range(4))
    now = timezone.now()
    Workspace.objects.filter(pk=held.pk).update(lease_until=now + timedelta(seconds=30))
    Workspace.objects.filter(pk=dead.pk).update(lease_until=now - timedelta(seconds=1))
    Workspace.objects.filter(pk=later.pk).update(next_reconcile_at=now + timedelta(hours=1))
    tasks.sweep()
    assert set(sent) == {str(due.pk), str(dead.pk)}


def test_a_task_for_what_is_not_due_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = world.study(staged=False)
    asked: list[Any] = []
    monkeypatch.setattr(turn, "advance", asked.append)
    tasks.reconcile(str(workspace.pk))
    Workspace.objects.update(next_reconcile_at=timezone.now() + timedelta(minutes=1))
    tasks.reconcile(str(workspace.pk))
    tasks.reconcile(str(workspace.request_id))  # of no workspace
    assert asked == [workspace.pk]


def test_an_announcement_survives_its_process() -> None:
    """Killed between the commit and the signal: the sweep sends it."""
    workspace = world.study(staged=False)
    grant = workspace.grants.get()
    heard: list[tuple[str, str]] = []

    def listen(*, grant: Grant, old: str, new: str, **_kwargs: Any) -> None:
        heard.append((old, new))
        if len(heard) == 1:
            raise RuntimeError("a receiver that fails once")

    signals.grant_changed.connect(listen)
    try:
        row = Outbox.objects.create(
            topic="grant_changed", object_id=grant.pk, data={"old": "wanted", "new": "opening"}
        )
        assert outbox.resend() == 0  # its own process may still be at it
        Outbox.objects.update(created_at=timezone.now() - timedelta(seconds=20))
        outbox.resend()
        row.refresh_from_db()
        assert row.done_at is None
        outbox.resend()
        row.refresh_from_db()
        assert row.done_at is not None
        assert outbox.resend() == 0
    finally:
        signals.grant_changed.disconnect(listen)
    assert heard == [("wanted", "opening")] * 2


def test_every_move_is_announced_and_logged() -> None:
    backend = FakeBackend()
    workspace = player(lambda: backend)(world.study())
    world.close(workspace.grants.get())
    player(lambda: backend)(workspace)
    told = Outbox.objects.filter(topic="grant_changed").order_by("pk")
    moves = [(row.data["old"], row.data["new"]) for row in told]
    assert moves == [
        ("wanted", "opening"),
        ("opening", "open"),
        ("open", "closing"),
        ("closing", "closed"),
    ]
    log = workspace.grants.get().log.order_by("pk")
    assert [(row.source, row.target) for row in log] == moves
    assert not told.filter(done_at__isnull=True).exists()


def test_quotas_are_stored_for_pages() -> None:
    assert quotas.is_old()
    assert quotas.last_reading() is None
    backend = FakeBackend()
    quotas.read(lambda: backend)
    reading = quotas.last_reading()
    assert reading is not None
    assert (reading.quotas[0].left, reading.problem) == (25, "")
    assert reading.lacking(persons=1) == []
    assert not quotas.is_old()
    backend.projects = dict.fromkeys("abcdefghijklmnopqrstuvwxy")  # type: ignore[arg-type]
    quotas.read(lambda: backend)
    reading = quotas.last_reading()
    assert reading is not None
    assert [quota.name for quota in reading.lacking(persons=1)] == ["projects"]

    def unreachable() -> Any:
        raise Transient("no answer")

    quotas.read(unreachable)
    reading = quotas.last_reading()
    assert reading is not None
    assert "lecture des quotas" in reading.problem
    assert len(reading.quotas) == 1  # the last figures stay
    assert ProviderReading.objects.count() == 1


def test_a_failure_is_one_french_sentence() -> None:
    text = labels.failure(Transient("no answer", request_id="r-1"), action="ensure_bucket")
    assert "espace de stockage" in text
    assert "r-1" in text
    assert "interne" in labels.failure(KeyError("x"), action="make_key")


def test_a_mistake_of_ours_is_visible_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, backend = world.study(), FakeBackend()
    monkeypatch.setattr(backend, "find_projects", lambda **_kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        turn.advance(workspace.pk, make_backend=lambda: backend)
    workspace.refresh_from_db()
    assert (workspace.failure_code, workspace.lease_until) == ("internal", None)
    assert workspace.next_reconcile_at is not None
    assert workspace.next_reconcile_at > timezone.now()


def test_a_wrong_configuration_does_not_hold_the_lease(settings: Any) -> None:
    settings.SCW = settings.SCW | {"access_key": "", "secret_key": ""}
    workspace = world.study()
    turn.advance(workspace.pk)
    workspace.refresh_from_db()
    assert workspace.lease_until is None
    assert "SCW_ACCESS_KEY" in workspace.last_error
