"""A second click is "already done", other words are another act, clocks speak first, in French."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from requests_app.models import Act, Grant
from requests_app.permits import operations
from requests_app.workflow import engine
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import Story, World


pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def world() -> World:
    return World()


def path_of(story: Story, kind: str, name: str) -> str:
    return reverse("requests_app:stage_act", args=[story.request.pk, story.stage(kind).pk, name])


def test_other_words_are_not_taken_for_a_second_click(world: World) -> None:
    story = world.story().reach("completeness")
    client = client_for(world.secretariat, verified=True)
    path = path_of(story, "completeness", "request_completion")
    first = {"message": "Le plan manque.", "confirm": "on"}
    assert client.post(path, first).status_code == 302
    assert "déjà fait" in page_text(client.post(path, first, follow=True))
    other = client.post(path, {"message": "Le résumé aussi.", "confirm": "on"})
    assert other.status_code == 422
    text = other.content.decode()
    assert "déjà fait" not in text
    assert "Le résumé aussi." in text  # nothing typed is lost
    assert Act.objects.filter(code="request_completion").count() == 1


def test_who_may_not_do_the_act_is_refused_as_before(world: World) -> None:
    story = world.story().reach("completeness")
    path = path_of(story, "completeness", "request_completion")
    words = {"message": "Le plan manque.", "confirm": "on"}
    client_for(world.secretariat, verified=True).post(path, words)
    assert client_for(world.investigator).post(path, words).status_code == 403
    assert client_for(world.secretariat, verified=True).get(path).status_code == 403


def correct(story: Story, act: Act, **more: Any) -> engine.Applied:
    said: dict[str, Any] = {"act": act, "reason": "Date mal lue."} | more
    return story.do("", "correct_act", by=story.world.legal_officer, **said)


def test_the_second_click_on_a_correction_is_already_done(world: World) -> None:
    story = world.story().reach("authorisation")
    act = Act.objects.get(code="record_referral")
    at = act.effective_at
    first = correct(story, act, effective_at=at)
    again = correct(story, act, effective_at=at)
    assert (first.already_done, again.already_done, again.act) == (False, True, first.act)
    for other in ({"reason": "Autre motif."}, {"effective_at": at + timedelta(seconds=1)}):
        with pytest.raises(engine.TransitionRefused, match="déjà corrigé"):
            correct(story, act, **({"effective_at": at} | other))
    assert Act.objects.filter(corrects=act).count() == 1


def test_the_same_form_with_another_date_is_another_correction(world: World) -> None:
    story = world.story().reach("authorisation")
    act = Act.objects.get(code="record_referral")
    client = client_for(world.legal_officer, verified=True)
    path = reverse("requests_app:correct_act", args=[story.request.pk, act.pk])
    day = act.effective_at.astimezone().date()
    fields = {"effective_on": day.isoformat(), "reason": "Date mal lue.", "confirm": "on"}
    assert client.post(path, fields).status_code == 302
    assert "déjà fait" in page_text(client.post(path, fields, follow=True))
    other = client.post(path, fields | {"reason": "Autre motif."})
    assert other.status_code == 422
    assert "Autre motif." in other.content.decode()


def test_a_clock_that_spoke_meanwhile_does_not_refuse_the_act(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beat expires the stage between the query and the lock: the person's act goes on."""
    story = world.story()
    story.sign()
    story.review()
    legal_advance("20d")
    real = engine.expire

    def after_beat(stage_id: Any) -> engine.Applied:
        real(stage_id)
        return real(stage_id)

    monkeypatch.setattr(engine, "expire", after_beat)
    done = story.do("completeness", "accept_completeness", by=world.secretariat)
    assert done.act is not None
    assert Act.objects.filter(code="expire").count() == 1


@pytest.mark.parametrize("name", ["withdraw", "correct_act"])
def test_an_ended_clock_speaks_before_an_act_on_the_whole_request(world: World, name: str) -> None:
    story = world.story()
    story.sign()
    story.completeness()
    story.holder()
    due = story.stage("opinion").due_at
    legal_advance("60d")  # and no worker
    if name == "withdraw":
        story.do("", "withdraw", by=world.investigator, reason="Plus besoin.")
    else:
        with pytest.raises(engine.TransitionRefused):
            story.do("", "correct_act", by=world.secretariat, act="?", reason="Erreur.")
    stage = story.stage("opinion")
    assert (stage.outcome, stage.ended_at) == ("tacit_favourable", due)


def test_an_ended_clock_speaks_before_a_task_is_closed(world: World) -> None:
    story = world.story().reach("authorisation")
    story.receipt()
    legal_advance("3m")
    assert not story.request.tasks.exists()
    with pytest.raises(engine.TransitionRefused):
        story.do("", "correct_act", by=world.legal_officer, act="?", reason="Erreur.")
    assert story.request.tasks.exists()  # the silence has opened the check


def test_no_reason_of_ours_is_in_english(world: World) -> None:
    """Reasons are shown to people: none is a note between modules."""
    story = world.story().reach("opening")
    reasons: list[str] = []
    for stage, name in (("opening", "expire"), ("opening", "finish_opening")):
        with pytest.raises(engine.TransitionRefused) as refused:
            story.do(stage, name, by=None)
        reasons += refused.value.reasons
    story.move_grants("open")
    story.do("opening", "finish_opening", by=None)
    with pytest.raises(engine.TransitionRefused) as refused:
        story.do("use", "finish_use", by=None)
    reasons += refused.value.reasons
    grant = Grant.objects.filter(permit__request=story.request).first()
    assert grant is not None
    with pytest.raises(operations.OperationRefused) as stopped:
        operations.perform("revoke", grant, by=world.investigator, reason="Essai.")
    reasons.append(str(stopped.value))
    assert len(reasons) == 4
    for reason in reasons:
        assert reason.endswith(".")
        assert reason[0].isupper()
        assert "not " not in reason
        assert "only" not in reason
