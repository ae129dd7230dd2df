"""Every sweep of beat: a row that explodes, put first, keeps no other waiting."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from catalog.models import IndexOutbox, Table
from catalog.search import documents, indexing
from portal.accounts.models import User
from portal.audit import seal
from portal.audit.models import AuditEvent
from portal.audit.record import record
from portal.celery import app
from portal.common import sweeps
from portal.common.calendar import legal_now
from portal.notifications import sending
from portal.notifications.models import Message
from requests_app.committee import opinion_document
from requests_app.models import Credential, Grant, Outbox, Permit, Stage, StageState
from requests_app.provisioning import outbox
from requests_app.provisioning.worker import sweeping
from requests_app.provisioning.worker import tasks as provisioning
from requests_app.workflow import clock, reminders
from requests_app.workflow import tasks as workflow
from requests_app.workflow.catalogue import VERBS
from tests.requests_app.provisioning import world
from tests.support.factories import World


pytestmark = [pytest.mark.django_db, pytest.mark.both]

# Each task of beat, and how the test below proves it; "one statement" has no row to stop at.
PROVEN = {
    "portal.accounts.tasks.flush_token_use": "one statement a token, of plain values",
    "portal.accounts.tasks.forget_links": "one statement",
    "portal.audit.tasks.seal": "test_an_event_that_cannot_be_sealed_lets_the_others_be",
    "portal.audit.tasks.head": "the same",
    "portal.notifications.tasks.send_due": "test_a_message_that_explodes_lets_the_others_go",
    "catalog.search.tasks.index_pending": "test_a_description_that_explodes_lets_the_others_be",
    "catalog.search.tasks.build_missing_index": "the same, with the whole index",
    "requests_app.workflow.tasks.fire_due": "test_clocks_grants_and_documents_go_on",
    "requests_app.workflow.tasks.remind": "test_a_reminder_that_explodes_lets_the_others_be",
    "requests_app.tasks.forget_old_baskets": "one statement",
    "requests_app.tasks.forget_lost_files": "tests/requests_app/dossier/test_uploads_kept.py",
    "requests_app.provisioning.tasks.sweep": "test_what_time_brings_goes_on",
    "requests_app.extraction.tasks.prepare_asked": "provisioning/test_preparing.py",
}


def test_every_task_of_beat_is_proven_here() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} == set(PROVEN)


def explode_at(first: Any, real: Callable[..., Any], *, at: int = 0) -> Callable[..., Any]:
    """`real`, but for one row: `first`, or one with its key."""
    key = getattr(first, "pk", first)

    def call(*args: Any, **kwargs: Any) -> Any:
        if getattr(args[at], "pk", args[at]) == key:
            raise ZeroDivisionError
        return real(*args, **kwargs)

    return call


def test_the_loop_goes_on_after_a_row_and_ends_with_its_time() -> None:
    seen: list[int] = []

    def do(row: int) -> bool:
        seen.append(row)
        if row == 1:
            raise ZeroDivisionError
        if row == 3:
            raise SoftTimeLimitExceeded
        return True

    assert sweeps.each([1, 2], do, what="rows") == 1
    with pytest.raises(SoftTimeLimitExceeded):
        sweeps.each([1, 2, 3, 4], do, what="rows")
    assert seen == [1, 2, 1, 2, 3]


def test_an_event_that_cannot_be_sealed_lets_the_others_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        record("clock.advance", by=None, data={"number": number})
    first = AuditEvent.objects.order_by("recorded_at", "id").first()
    monkeypatch.setattr(AuditEvent, "content", explode_at(first, AuditEvent.content))
    assert seal.seal_pending() == 2
    monkeypatch.undo()
    assert seal.seal_pending() == 1  # mended, it is sealed in its turn


def test_a_message_that_explodes_lets_the_others_go(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    lea = User.objects.create(username="lea", email="lea@example.org", password=make_password(None))
    first, _second = (
        Message.objects.create(
            code="tests.notice",
            recipient=lea,
            subject="s",
            body="b",
            send_after=now - timedelta(minutes=age),
        )
        for age in (2, 1)
    )
    monkeypatch.setattr(sending, "_mail", explode_at(first, sending._mail))
    result = sending.send_due()
    assert result.sent == 1
    first.refresh_from_db()
    assert (first.state, first.last_error) == ("pending", "ZeroDivisionError")
    assert first.send_after > now
    Message.objects.filter(pk=first.pk).update(send_after=now, tries=sending.MAX_TRIES)
    assert sending.send_due().failed == 1  # and it ends


def test_a_description_that_explodes_lets_the_others_be(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    settings.SEARCH_INDEX_DIR = tmp_path
    world.dataset("base-a", table="UNE")
    world.dataset("base-b", table="AUTRE")
    bad = Table.objects.get(name="UNE")
    IndexOutbox.objects.all().delete()
    for row in Table.objects.order_by("name"):
        IndexOutbox.objects.create(kind="table", key=str(row.pk))
    written: list[str] = []

    class Engine:
        def info(self) -> None: ...

        def write(self, found: list[dict[str, Any]], _gone: list[str]) -> None:
            written.extend(one["code"][0] for one in found)

    monkeypatch.setattr(documents, "table_document", explode_at(bad, documents.table_document))
    monkeypatch.setattr(indexing, "backend", Engine)
    indexing.index_pending()
    assert written == ["autre"]
    left = IndexOutbox.objects.get()
    assert (left.key, left.attempts, left.last_error) == (str(bad.pk), 1, "ZeroDivisionError")
    assert left.not_before is not None
    assert left.not_before > timezone.now()
    kinds = [(one["kind"], one["code"][0]) for one in documents.all_documents()]
    assert ("table", "autre") in kinds  # a whole index too
    assert ("table", "une") not in kinds


def running(kind: str) -> list[Stage]:
    """Two studies with that stage, without the way there."""
    at = World()
    return [
        Stage.objects.create(
            request=at.draft(),
            code=kind,
            kind=kind,
            position=1,
            state=StageState.RUNNING,
            started_at=legal_now(),
        )
        for _ in range(2)
    ]


@pytest.mark.parametrize(("kind", "verb"), [("opening", "finish_opening"), ("use", "finish_use")])
def test_clocks_grants_and_documents_go_on(
    monkeypatch: pytest.MonkeyPatch, kind: str, verb: str
) -> None:
    first, second = running(kind)
    done: list[Any] = []
    real = explode_at(first, lambda stage: done.append(stage.pk))
    monkeypatch.setattr(VERBS[verb], "ripe", lambda: Stage.objects.filter(kind=kind))
    monkeypatch.setattr(clock, "_try", lambda name, stage: name == verb and real(stage))
    clock.run_ripe()
    assert done == [second.pk]
    # the other parts of the same task, whatever became of the first
    monkeypatch.setattr(clock, "run_due", lambda: 1 / 0)
    monkeypatch.setattr(opinion_document, "opinions_without_document", lambda: [1, 2])
    made: list[int] = []
    monkeypatch.setattr(opinion_document, "write_opinion_document", explode_at(1, made.append))
    workflow.fire_due()
    assert made == [2]


def test_a_reminder_that_explodes_lets_the_others_be(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = running("opinion")
    Stage.objects.update(due_at=legal_now() + timedelta(days=1))  # both are told days before
    told: list[Any] = []
    monkeypatch.setattr(reminders, "_remind", explode_at(first, told.append))
    workflow.remind()
    assert told == [second.pk]


def test_a_clock_that_explodes_lets_the_others_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = running("opinion")
    for stage, minutes in ((first, 2), (second, 1)):
        due = legal_now() - timedelta(minutes=minutes)
        Stage.objects.filter(pk=stage.pk).update(due_at=due)
    tried: list[Any] = []

    def speak(pk: Any) -> None:
        tried.append(pk)
        if pk == first.pk:
            raise ZeroDivisionError
        Stage.objects.filter(pk=pk).update(expired_at=legal_now())

    monkeypatch.setattr(clock, "expire", speak)
    assert clock.run_due() == 1
    assert tried == [first.pk, second.pk]


def test_what_time_brings_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = legal_now() + timedelta(days=20)
    studies = [world.study(staged=False, expires_at=ends) for _ in range(4)]
    old = timezone.now() - timedelta(days=30)
    for number, study in enumerate(studies):
        grant = study.grants.get()
        Grant.objects.filter(pk=grant.pk).update(state="open", expires_at=ends + timedelta(days=99))
        key = Credential.objects.create(
            grant=grant, use="person", ciphertext=b"x", expires_at=legal_now() + timedelta(days=3)
        )
        if number % 2:  # never shown for long
            Credential.objects.filter(pk=key.pk).update(created_at=old)
    Outbox.objects.all().delete()
    told: list[tuple[str, Any]] = []
    real = outbox.announce

    def announce(topic: str, object_id: Any, **data: Any) -> None:
        if topic not in {one for one, _pk in told}:
            told.append((topic, None))
            raise ZeroDivisionError
        told.append((topic, object_id))
        real(topic, object_id, **data)

    monkeypatch.setattr(sweeping, "announce", announce)
    monkeypatch.setattr(sweeping, "wake_ending", lambda: 1 / 0)
    sent: list[Any] = []
    monkeypatch.setattr(
        provisioning.reconcile, "apply_async", lambda args, **_o: sent.append(args[0])
    )
    provisioning.sweep()
    topics = ["key_unrevealed", "permit_expiring", "key_expiring"]
    assert all(sum(one == topic for one, _pk in told) > 1 for topic in topics), told
    assert set(sent) == {str(study.pk) for study in studies}  # taken up all the same
    assert Permit.objects.filter(notices_sent=[90, 30]).count() == 3


def test_announcements_that_always_fail_keep_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grant = world.study(staged=False).grants.get()
    Outbox.objects.all().delete()
    rows = [
        Outbox.objects.create(topic="key_ready", object_id=grant.pk, data={}) for _ in range(52)
    ]
    Outbox.objects.update(created_at=timezone.now() - timedelta(seconds=20))
    tried: list[int] = []

    def never(pk: int) -> None:
        Outbox.objects.filter(pk=pk).update(tried_at=timezone.now())
        tried.append(pk)
        raise ZeroDivisionError

    monkeypatch.setattr(outbox, "deliver", never)
    outbox.resend()
    outbox.resend()
    assert set(tried) == {row.pk for row in rows}


def test_every_topic_written_has_a_consumer() -> None:
    with pytest.raises(LookupError):
        outbox.announce("permit_created", world.study(staged=False).pk)
    for signal, _model, _name in outbox.TOPICS.values():
        assert signal.receivers, signal  # and somebody listens


def test_rows_of_a_topic_that_nobody_consumes_are_forgotten() -> None:
    kept = Outbox.objects.create(topic="key_ready", object_id=world.study(staged=False).pk, data={})
    left = Outbox.objects.create(topic="permit_created", object_id=kept.object_id, data={})
    young = Outbox.objects.create(topic="of_a_newer_version", object_id=kept.object_id, data={})
    days = timezone.now() - timedelta(days=3)
    Outbox.objects.filter(pk__in=[kept.pk, left.pk]).update(created_at=days)
    sweeping.forget_outbox()
    assert set(Outbox.objects.values_list("pk", flat=True)) >= {kept.pk, young.pk}
    assert not Outbox.objects.filter(pk=left.pk).exists()
