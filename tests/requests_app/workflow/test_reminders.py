"""A clock says when it ends: before, on the last day and after, once, in words true when sent."""

from datetime import date, timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.common.calendar import PARIS, end_of_day, run_what_is_due
from portal.notifications.models import Message
from requests_app.models import Act, ClockReminder
from requests_app.procedures import registry
from requests_app.procedures.law import Reminder
from requests_app.procedures.schema import Procedure
from requests_app.workflow import clock, engine, reminders
from tests.support.clock import legal_advance_to
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db
CODE = "request.clock_reminder"


def started(*people: str) -> Story:
    """At the opinion, with somebody behind every quality."""
    story = World().story()
    for name in ("president", "member", "secretariat", "holder_a_rep", "holder_b_rep", *people):
        getattr(story.world, name)
    story.sign()
    story.completeness()
    story.holder()
    Message.objects.all().delete()
    return story


def morning(story: Story, days: int, code: str = "opinion") -> None:
    """Nine o'clock, some days before the last one of a stage."""
    due = story.stage(code).due_at
    assert due is not None
    last = due.astimezone(PARIS)
    legal_advance_to(last.replace(hour=9, minute=0) - timedelta(days=days))


def told() -> list[str]:
    rows = Message.objects.filter(code=CODE).select_related("recipient")
    return sorted(one.recipient.username for one in rows if one.recipient)


def test_a_silence_that_becomes_an_opinion_is_announced_three_times() -> None:
    story = started()
    everybody = []
    for days, people in (
        (10, ["membre", "presidente"]),
        (3, ["membre", "presidente"]),
        (0, ["membre", "presidente", "secretariat"]),
    ):
        morning(story, days)
        assert reminders.run() == 1
        assert told() == people, days
        body = Message.objects.filter(code=CODE).values_list("body", flat=True)[0]
        assert "avis tacite favorable" in body
        assert "rien à faire" not in body
        everybody += people
        Message.objects.all().delete()
        assert reminders.run() == 0  # given once, whatever asks
        assert told() == []
    assert ClockReminder.objects.filter(sent_at__isnull=False).count() == 3


def test_on_the_last_day_the_desk_is_told_in_other_words_than_who_must_act() -> None:
    story = started()
    morning(story, 0)
    reminders.run()
    bodies = {
        one.recipient.username: one
        for one in Message.objects.filter(code=CODE).select_related("recipient")
        if one.recipient
    }
    assert "vous attend" in bodies["presidente"].body
    assert "Suivez l’étape" in bodies["secretariat"].body
    assert bodies["secretariat"].subject.endswith("dernier jour")


def test_days_that_pass_at_once_give_one_message_that_is_true_now() -> None:
    story = started()
    morning(story, 2)
    assert reminders.run() == 1
    assert told() == ["membre", "presidente"]
    rows = ClockReminder.objects.values_list("at", "sent_at")
    assert {at: bool(sent) for at, sent in rows} == {"-10d": False, "-3d": True}


def test_a_clock_that_has_ended_is_no_longer_announced() -> None:
    story = started()
    morning(story, -2)
    results = run_what_is_due()
    assert [failure for _name, failure in results if failure] == []
    assert story.stage("opinion").outcome == "tacit_favourable"
    assert told() == []
    bodies = Message.objects.filter(code="request.tacit_opinion").values_list("body", flat=True)
    assert len(bodies) == 3  # the president, the member, the desk
    assert not [body for body in bodies if "rien à faire" in body]


def test_a_silence_that_was_not_announced_says_so_to_the_chair_and_the_desk() -> None:
    """The worker was off over the end: the law's day stands, and nobody believes it was told."""
    story = started()
    due = story.stage("opinion").due_at
    morning(story, -2)
    run_what_is_due()
    assert story.stage("opinion").ended_at == due
    act = Act.objects.get(code="expire", stage=story.stage("opinion"))
    assert act.data["unannounced"] == ["-10d", "-3d", "0d"]
    event = AuditEvent.objects.get(action="stage.expire", on_id=str(act.stage_id))
    assert event.data["unannounced"] == ["-10d", "-3d", "0d"]
    rows = Message.objects.filter(code="request.silence_unannounced")
    assert {one.recipient.username for one in rows if one.recipient} == {
        "presidente",
        "secretariat",
    }
    body = rows[0].body
    assert "n’a pas été annoncée : le service qui envoie les rappels était arrêté" in body
    assert body.count("le rappel du") == 3


def test_one_that_somebody_acts_upon_first_says_so_too() -> None:
    story = started()
    morning(story, -2)
    with pytest.raises(engine.WorkflowError):
        story.do("opinion", "extend_opinion", by=story.world.president, reason="Trop tard.")
    assert Message.objects.filter(code="request.silence_unannounced").count() == 2


def test_only_what_was_never_announced_is_said() -> None:
    story = started()
    for days in (10, 0):
        morning(story, days)
        reminders.run()
    morning(story, -2)
    run_what_is_due()
    act = Act.objects.get(code="expire", stage=story.stage("opinion"))
    assert act.data["unannounced"] == ["-3d"]
    body = Message.objects.filter(code="request.silence_unannounced").values_list("body")[0][0]
    assert "autant de fois que prévu" in body
    assert body.count("le rappel du") == 1


def test_a_silence_announced_three_times_needs_no_more_words() -> None:
    story = started()
    for days in (10, 3, 0):
        morning(story, days)
        reminders.run()
    morning(story, -2)
    run_what_is_due()
    act = Act.objects.get(code="expire", stage=story.stage("opinion"))
    assert "unannounced" not in act.data
    assert not Message.objects.filter(code="request.silence_unannounced").exists()


def test_what_is_late_is_said_after_the_end_to_whoever_must_act() -> None:
    story = World().story()
    secretariat = story.world.secretariat
    story.sign()
    morning(story, -6, "completeness")
    clock.run_due()
    Message.objects.all().delete()
    assert reminders.run() == 1
    (message,) = Message.objects.filter(code=CODE)
    assert message.recipient == secretariat
    assert "sans attendre" in message.body
    assert message.subject.endswith("délai dépassé")


def test_an_extension_announces_its_own_end() -> None:
    story = started()
    morning(story, 3)
    reminders.run()
    before = story.stage("opinion").due_at
    story.declare()
    story.do("opinion", "extend_opinion", by=story.world.president, reason="Un expert attendu.")
    Message.objects.all().delete()
    assert story.stage("opinion").due_at != before
    assert reminders.run() == 0  # the new last day is far
    morning(story, 10)
    assert reminders.run() == 1
    assert told() == ["membre", "presidente"]


def test_a_stage_that_is_over_says_nothing() -> None:
    story = started()
    story.opinion()
    Message.objects.all().delete()
    morning(story, 3)
    reminders.run()
    assert not {"membre", "presidente"} & set(told())


def test_a_holder_whose_silence_stood_for_an_answer_is_told() -> None:
    story = World().story()
    story.world.holder_a_rep  # noqa: B018 - there before the consultation
    story.sign()
    story.completeness()
    Message.objects.all().delete()
    morning(story, -1, "holder")
    clock.run_due()
    (message,) = Message.objects.filter(
        code="request.silence_recorded", recipient=story.world.holder_a_rep
    )
    assert "aucune remarque reçue" in message.body
    assert "rien à faire" not in message.body


@pytest.mark.parametrize(
    ("at", "day"),
    [("0d", "2027-05-14"), ("-3wd", "2027-05-11"), ("-1w", "2027-05-07"), ("+1wd", "2027-05-18")],
)
def test_a_reminder_is_given_in_the_morning_of_its_day(at: str, day: str) -> None:
    # 14 May 2027 is a Friday; Monday 17 is Whit Monday
    due = end_of_day(date(2027, 5, 14))
    instant = reminders.instant_of(Reminder(at=at), due).astimezone(PARIS)
    assert (f"{instant:%Y-%m-%d}", instant.hour) == (day, 7)


def test_a_silence_that_is_not_announced_three_times_is_refused() -> None:
    raw = registry.current("fr-cnil-standard")[0].model_dump()
    stage = next(one for one in raw["stages"] if one["kind"] == "opinion")
    stage["clock"]["reminders"] = stage["clock"]["reminders"][1:]
    with pytest.raises(ValueError, match="announced 3 times"):
        Procedure.model_validate(raw)
