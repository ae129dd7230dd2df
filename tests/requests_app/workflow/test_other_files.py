"""The engine on files that a body could write: valid, and unlike those that are shipped."""

from datetime import timedelta
from typing import Any

import pytest

from portal.common.calendar import PARIS
from portal.notifications.models import Message
from requests_app.models import AccessRequest, Opinion, Stage, StageState, Task
from requests_app.procedures import reach
from requests_app.workflow import clock, engine, reminders
from tests.support import odd_procedure
from tests.support.clock import legal_advance, legal_advance_to
from tests.support.factories import Story, World
from tests.support.procedures import DECLARATION, know, raw, stage


pytestmark = pytest.mark.django_db


def begun(**more: Any) -> Story:
    """Signed, with somebody behind every quality."""
    story = World().story(**more)
    for name in ("president", "member", "secretariat", "legal_officer"):
        getattr(story.world, name)
    story.sign()
    return story


def told() -> set[tuple[str, str]]:
    rows = Message.objects.select_related("recipient")
    return {(m.code.removeprefix("request."), m.recipient.username) for m in rows if m.recipient}


def to_authorisation(story: Story, sense: str = "favourable") -> None:
    for step in ("completeness", "holder"):
        getattr(story, step)()
    story.opinion(sense)
    for step in ("answer", "referral", "receipt"):
        getattr(story, step)()


def test_the_end_of_the_applicants_time_reminds_and_moves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = raw(DECLARATION)
    check = stage(data, "check")
    deemed = {"code": "deemed", "label": "réputée complète", "tacit": True, "request": "processing"}
    check["outcomes"].append(deemed)
    check["clock"]["on_expiry"] = {"effect": "outcome", "outcome": "deemed"}
    join = {"stage": "check", "outcomes": ["complete", "deemed"]}
    stage(data, "publication")["after"] = [join]
    know(monkeypatch, data)
    story = begun(procedure=DECLARATION)
    story.do("check", "request_completion", by=story.world.secretariat, message="Complétez.")
    legal_advance("33d")
    assert clock.run_due() == 1
    assert ("completion_reminder", "investigatrice") in told()
    assert (story.fresh().state, story.stage("check").state) == ("incomplete", "paused")
    story.do("check", "close_incomplete", by=story.world.secretariat, message="Clos.")
    assert story.fresh().state == "closed_incomplete"
    # While its own clock runs, the silence is what the file says, and the team knows.
    other = begun(procedure=DECLARATION)
    Message.objects.all().delete()
    legal_advance("20d")
    clock.run_due()
    assert (other.fresh().state, other.stage("check").outcome) == ("processing", "deemed")
    assert ("silence_decided", "investigatrice") in told()


@pytest.mark.parametrize(
    ("request_is", "code"), [("refused", "silence_decided"), (None, "authorised")]
)
def test_a_clock_that_decides_tells_the_team(
    request_is: str | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = raw()
    authorisation = stage(data, "authorisation")
    silence = {"code": "mute", "label": "réputée tranchée", "tacit": True}
    authorisation["outcomes"].append(silence | ({"request": request_is} if request_is else {}))
    authorisation["clock"]["on_expiry"] = {"effect": "outcome", "outcome": "mute"}
    joins = stage(data, "register")["after"][0]["outcomes"]
    joins += [] if request_is else ["mute"]
    know(monkeypatch, data)
    story = begun()
    to_authorisation(story)
    Message.objects.all().delete()
    legal_advance("2m")
    legal_advance("2d")
    clock.run_due()
    assert story.fresh().state == (request_is or "processing")
    team = {event for event, name in told() if name == "investigatrice"}
    assert team == {code}
    body = Message.objects.get(code=f"request.{code}").body
    assert "vérification juridique" not in body
    assert "rien à faire" not in body or request_is is None


def test_what_an_outcome_requires_is_asked_wherever_it_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = odd_procedure.install(monkeypatch).model_dump()
    hearing = next(one for one in data["stages"] if one["kind"] == "audition")
    opinion = next(one for one in data["stages"] if one["kind"] == "opinion")
    needs = {"stage": hearing["code"], "outcomes": ["heard"], "refusal": "Pas sans audition."}
    for outcome in opinion["outcomes"]:
        outcome["requires"] = [needs] if outcome["code"] == "favourable" else []
    know(monkeypatch, data)
    story = begun(procedure=odd_procedure.CODE)
    for step in ("completeness", "holder"):
        getattr(story, step)()
    story.audition("absent")
    with pytest.raises(engine.TransitionRefused, match="Pas sans audition"):
        story.opinion("favourable")
    assert story.stage(opinion["code"]).state == StageState.RUNNING
    assert not Opinion.objects.exists()
    story.do(
        opinion["code"],
        "issue_opinion",
        by=story.world.president,
        **story.opinion_payload("unfavourable"),
    )
    assert story.stage(opinion["code"]).outcome == "unfavourable"


def test_a_task_blocks_the_end_of_any_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    data = raw()
    data["tasks"][1]["blocks"] = "register"
    know(monkeypatch, data)
    story = begun()
    to_authorisation(story, "reserved")
    story.authorisation()
    with pytest.raises(engine.TransitionRefused, match="vérification est en attente"):
        story.register()
    assert story.stage("register").state == StageState.RUNNING
    task = Task.objects.get(request=story.request)
    said: dict[str, Any] = {"task": task, "outcome": "cleared", "note": "Vu."}
    engine.apply(story.fresh(), "close_task", by=story.world.legal_officer, **said)
    story.register()


def test_a_task_that_concludes_a_committees_silence_does_as_its_clock_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = raw()
    stage(data, "opinion")["clock"]["on_expiry"] = {"effect": "task", "task": "chk"}
    ends = {"code": "a", "label": "avis tacite", "effect": "end_stage"}
    wait = {"code": "b", "label": "attendre", "effect": "hold"}
    rule = {"code": "chk", "label": "Silence", "expected": "Dire", "role": "legal_officer"}
    rule |= {"stage": "opinion", "blocks": "answer"}
    outcomes = [ends | {"outcome": "tacit_favourable"}, wait]
    data["tasks"].append(rule | {"outcomes": outcomes})
    know(monkeypatch, data)
    story = begun()
    for step in ("completeness", "holder"):
        getattr(story, step)()
    legal_advance("33d")
    clock.run_due()
    Message.objects.all().delete()
    task = Task.objects.get(request=story.request, code="chk")
    said: dict[str, Any] = {"task": task, "outcome": "a", "note": "Silence."}
    engine.apply(story.fresh(), "close_task", by=story.world.legal_officer, **said)
    given = Opinion.objects.get(request=story.request)
    assert (given.deemed, given.issued_at) == ("réputé favorable", story.stage("opinion").ended_at)
    assert {event for event, name in told() if name == "investigatrice"} == {"expected_answer"}
    assert ("tacit_opinion", "presidente") in told()
    assert not Message.objects.filter(code="request.authorised")


def test_whoever_is_reminded_is_reminded_of_their_own_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = raw()
    remind = {"start": "stage", "period": "10d", "on_expiry": {"effect": "remind"}}
    stage(data, "referral")["clock"] = remind | {"source": "x", "strength": "K"}
    know(monkeypatch, data)
    story = begun()
    for step in ("completeness", "holder", "opinion", "answer"):
        getattr(story, step)()
    Message.objects.all().delete()
    legal_advance("12d")
    clock.run_due()
    (message,) = Message.objects.all()
    assert message.recipient == story.world.secretariat
    assert "Transmettre le dossier" in message.body
    assert "points de l’avis" not in message.body


def test_a_course_that_stops_is_the_desks_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checker is told to see everything."""
    monkeypatch.setattr(reach, "faults", lambda _procedure: [])
    data = raw()
    join = {"stage": "opinion", "outcomes": ["favourable", "tacit_favourable"]}
    stage(data, "answer")["after"] = [{"stage": "holder"}, join]
    know(monkeypatch, data)
    story = begun()
    for step in ("completeness", "holder"):
        getattr(story, step)()
    Message.objects.all().delete()
    story.opinion("unfavourable")
    assert story.fresh().state == "processing"
    open_ = Stage.objects.open().filter(request=story.request)
    assert not open_.exists()
    assert ("nothing_follows", "secretariat") in told()


def test_a_file_whose_procedure_is_gone_silences_no_other() -> None:
    stories = [begun(), begun()]
    for story in stories:
        story.completeness()
        story.holder()
    AccessRequest.objects.filter(pk=stories[0].request.pk).update(procedure_version=99)
    due = stories[1].stage("opinion").due_at
    assert due is not None
    legal_advance_to(due.astimezone(PARIS).replace(hour=9, minute=0) - timedelta(days=3))
    Message.objects.all().delete()
    assert reminders.run() == 1
    assert {m.about for m in Message.objects.all()} == {stories[1].request.pk}
