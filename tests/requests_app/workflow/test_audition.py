"""The audition: convened in time, both sides reminded before its date, recorded once held."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from portal.accounts.models import User
from portal.common.calendar import deadline, legal_today
from portal.common.templatetags.portal import moment
from portal.notifications.models import Message
from requests_app.models import Act, Stage, StageState
from requests_app.procedures import registry
from requests_app.procedures.schema import Procedure
from requests_app.rights import permissions
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities
from requests_app.workflow.clock import run_due
from requests_app.workflow.kinds import audition
from tests.support import odd_procedure
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance, legal_advance_to
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return odd_procedure.install(monkeypatch)


@pytest.fixture
def story() -> Story:
    """Complete, the audition open, the committee's interests declared."""
    story = World().story(procedure=odd_procedure.CODE)
    story.sign()
    story.completeness()
    story.declare_at("audition")
    Message.objects.all().delete()
    return story


def told(code: str) -> set[User]:
    return {one.recipient for one in Message.objects.filter(code=f"request.{code}")}


def names(story: Story, user: User) -> list[str]:
    return [one.name for one in abilities(story.fresh(), user=user)]


def test_it_is_convened_in_time_and_both_sides_are_told(story: Story) -> None:
    first = audition.earliest_day(story.procedure.stage(story.stage("audition").code))
    with pytest.raises(engine.TransitionRefused, match="se préparer"):
        story.convene(on=first - timedelta(days=1))
    with pytest.raises(engine.TransitionRefused, match="l’heure"):
        story.convene(hour="midi")
    assert "record_audition" not in names(story, story.world.president)
    story.convene(message="Venez avec vos figures.")
    assert {story.world.investigator, story.world.president, story.world.member} <= told(
        "audition_convened"
    )
    stage = story.stage("audition")
    held = audition.held_at(stage)
    assert held is not None
    assert stage.due_at == deadline(held, "1wd")  # by when it is recorded
    to_team = Message.objects.get(recipient=story.world.investigator)
    assert "Venez présenter votre projet" in to_team.body
    assert "Venez avec vos figures." in to_team.body


def test_a_reminder_goes_before_each_date_once(story: Story) -> None:
    story.convene()
    legal_advance("12d")
    run_due()
    assert not told("audition_reminder")
    legal_advance("2d")
    run_due()
    run_due()
    assert {story.world.investigator, story.world.member} <= told("audition_reminder")
    assert (
        Message.objects.filter(
            code="request.audition_reminder", recipient=story.world.investigator
        ).count()
        == 1
    )
    story.convene()  # put off: another date, another reminder
    legal_advance("14d")
    run_due()
    assert (
        Message.objects.filter(
            code="request.audition_reminder", recipient=story.world.investigator
        ).count()
        == 2
    )


def test_it_is_recorded_once_held_and_the_opinion_waits_for_it(story: Story) -> None:
    said: dict[str, Any] = {"outcome": "heard", "text": "Entendu.", "present": [story.world.member]}
    by = story.world.president
    with pytest.raises(engine.TransitionRefused, match="Convoquez"):
        story.do("audition", "record_audition", by=by, **said)
    story.convene()
    with pytest.raises(engine.TransitionRefused, match="une fois tenue"):
        story.do("audition", "record_audition", by=by, **said)
    assert story.stage("avis_savant").state == StageState.PENDING
    legal_advance("17d")
    assert names(story, by)[0] == "record_audition"
    with pytest.raises(engine.TransitionRefused, match="membre du comité"):
        story.do(
            "audition", "record_audition", by=by, **(said | {"present": [story.world.officer]})
        )
    story.do("audition", "record_audition", by=by, **said)
    stage, opinion = story.stage("audition"), story.stage("avis_savant")
    assert (stage.state, stage.outcome) == (StageState.DONE, "heard")
    assert (opinion.state, opinion.started_at) == (StageState.RUNNING, stage.ended_at)
    act = Act.objects.get(code="record_audition")
    assert act in permissions.acts_visible_to(story.world.member)
    assert act not in permissions.acts_visible_to(story.world.investigator)  # before the opinion
    story.opinion()
    assert act in permissions.acts_visible_to(story.world.investigator)


def test_one_recorded_late_leaves_the_committee_all_its_time(story: Story) -> None:
    story.convene()
    held = audition.held_at(story.stage("audition"))
    legal_advance("45d")  # longer than the whole clock of the opinion
    Message.objects.all().delete()
    said: dict[str, Any] = {"outcome": "heard", "text": "Entendu.", "present": [story.world.member]}
    story.do("audition", "record_audition", by=story.world.president, **said)
    recorded = Message.objects.filter(code="request.audition_recorded").first()
    assert recorded is not None
    assert held is not None
    assert moment(held) in recorded.body
    run_due()
    opinion = story.stage("opinion")
    assert (opinion.state, opinion.outcome) == (StageState.RUNNING, "")
    assert opinion.started_at == story.stage("audition").ended_at
    assert opinion.started_at is not None
    assert opinion.started_at > held


def test_nobody_else_convenes_or_records_it(story: Story) -> None:
    world, stage = story.world, story.stage("audition")
    for who in (world.investigator, world.member, world.legal_officer, world.operator):
        for name in ("convene_audition", "record_audition", "remind_audition"):
            with pytest.raises(engine.NotAllowed):
                engine.apply(stage, name, by=who)


def test_an_audition_that_nobody_convenes_or_records_is_the_desks_to_know(story: Story) -> None:
    story.world.secretariat  # noqa: B018 - there before the clock speaks
    legal_advance("21d")
    run_due()
    assert story.world.secretariat in told("escalated")
    story.convene()
    stage = story.stage("audition")
    assert stage.expired_at is None  # its date runs again
    Message.objects.all().delete()
    held = audition.held_at(stage)
    assert held is not None
    legal_advance_to(held + timedelta(hours=2))
    run_due()
    assert not told("escalated")  # it is being held
    assert not told("audition_reminder")  # nor is it to come
    legal_advance("5d")
    run_due()
    assert story.world.secretariat in told("escalated")
    assert story.stage("audition").state == StageState.RUNNING


def test_the_committee_finds_the_file_and_what_is_theirs_to_do(story: Story) -> None:
    member = story.world.member
    assert "content" in permissions.parts_visible(member, story.request)
    client = client_for(story.world.president, verified=True)
    stage: Stage = story.stage("audition")
    place = [story.request.pk, stage.pk]
    address = reverse("requests_app:stage_act", args=[*place, "convene_audition"])
    assert "Convoquer l’audition" in page_text(client.get(address))
    first = audition.earliest_day(story.procedure.stage(stage.code))
    typed = {"on": first.isoformat(), "hour": "14:30", "place": "Salle B", "message": ""}
    wrong = client.post(address, typed | {"on": legal_today().isoformat()})
    assert wrong.status_code == 422
    assert client.post(address, typed).status_code == 302
    assert "Salle B" in page_text(
        client_for(story.world.investigator, verified=True).get(
            reverse("requests_app:request", args=[story.request.pk]), {"onglet": "echanges"}
        )
    )
    inbox = page_text(client.get(reverse("requests_app:inbox")))
    assert "Entendre le demandeur" in inbox
    legal_advance("17d")
    record = reverse("requests_app:stage_act", args=[*place, "record_audition"])
    said = {"outcome": "absent", "text": "Personne.", "present": [str(member.pk)], "confirm": "on"}
    assert "demandeur absent" in page_text(client.get(record))
    assert client.post(record, said).status_code == 302
    assert story.stage("audition").outcome == "absent"


def test_an_audition_without_a_clock_is_refused_with_its_place(odd: Procedure) -> None:
    raw: dict[str, Any] = odd.model_dump()
    for stage in raw["stages"]:
        if stage["kind"] == "audition":
            stage["clock"] = None
    with pytest.raises(ValueError, match="an audition has a clock"):
        Procedure.model_validate(raw)


def test_the_page_offers_days_whatever_the_notice(
    odd: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its bounds let through is what the act takes, at both ends."""
    raw: dict[str, Any] = odd.model_dump()
    for stage in raw["stages"]:
        if stage["kind"] == "audition":
            stage["notice"] = "13m"
    made = Procedure.model_validate(raw)
    known = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: known)
    story = World().story(procedure=odd_procedure.CODE)
    story.sign()
    story.completeness()
    story.declare_at("audition")
    stage = story.stage("audition")
    spec = story.procedure.stage(stage.code)
    first, last = audition.earliest_day(spec), audition.latest_day(spec)
    client = client_for(story.world.president, verified=True)
    page = reverse("requests_app:stage_act", args=[story.request.pk, stage.pk, "convene_audition"])
    for day, status in (
        (first - timedelta(days=1), 422),
        (first, 302),
        (last, 302),
        (last + timedelta(days=1), 422),
    ):
        said = {"on": day.isoformat(), "hour": "14:30", "place": "Salle B", "message": ""}
        assert client.post(page, said).status_code == status, day
    with pytest.raises(engine.TransitionRefused, match="au plus tard"):
        story.convene(on=date.max)


@pytest.mark.parametrize("period", ["9999y", "9999wd", "9999d", "241m"])
def test_a_period_that_no_calendar_holds_is_refused_with_its_place(
    odd: Procedure, period: str
) -> None:
    raw: dict[str, Any] = odd.model_dump()
    for stage in raw["stages"]:
        if stage["kind"] == "audition":
            stage["notice"] = period
    with pytest.raises(ValueError, match=r"notice\n.*write at most '20y'"):
        Procedure.model_validate(raw)


def test_each_date_beyond_its_own_clock_is_the_chairs_and_the_desks_to_know(story: Story) -> None:
    """The opinion's clock waits for it: nobody lets it wait for ever in silence."""
    both = {story.world.secretariat, story.world.president}
    spec = story.procedure.stage(story.stage("audition").code)
    story.convene()
    assert not told("escalated")
    for _again in range(3):
        Message.objects.all().delete()
        story.convene(on=audition.latest_day(spec))
        assert told("escalated") == both
        legal_advance("330d")
        run_due()
    body = Message.objects.filter(code="request.escalated").values_list("body", flat=True)[0]
    assert "après la fin du délai" in body
    Message.objects.all().delete()
    story.convene()  # in its notice, and late all the same
    assert told("escalated") == both
