"""The two procedures from the deposit to the closure, and what each move entails."""

from itertools import pairwise

import pytest

from portal.accounts.models import Role
from requests_app.models import AccessRequest, Act, Grant, Permit, Stage, TransitionLog, Workspace
from requests_app.workflow import engine
from tests.support.factories import World, user


pytestmark = [pytest.mark.django_db, pytest.mark.both]


def states(request: AccessRequest) -> dict[str, str]:
    rows = Stage.objects.filter(request=request).order_by("position", "pk")
    return {f"{row.code}{'.' + row.holder.code if row.holder else ''}": row.state for row in rows}


@pytest.mark.parametrize("procedure", ["fr-cnil-standard", "fr-mr-007"])
def test_from_deposit_to_closure(procedure: str) -> None:
    story = World().story(procedure=procedure)
    story.reach("end")
    request = story.fresh()
    assert request.state == "closed"
    assert request.number.startswith("GUI-")
    assert set(states(request).values()) == {"done"}
    assert not Grant.objects.exclude(state="closed").exists()
    assert Permit.objects.filter(request=request).count() == 1
    # every state of every row is explained by its log
    for stage in Stage.objects.filter(request=request):
        moves = list(TransitionLog.objects.filter(stage=stage))
        assert moves[0].source == "pending"
        assert moves[-1].target == stage.state
        for before, after in pairwise(moves):
            assert before.target == after.source


def test_holders_and_committee_start_together_from_the_complete_file() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    rows = Stage.objects.filter(request=story.request, state="running")
    assert sorted((row.code, row.holder.code if row.holder else "") for row in rows) == [
        ("holder", "holder-a"),
        ("holder", "holder-b"),
        ("opinion", ""),
    ]
    act = Act.objects.get(request=story.request, code="accept_completeness")
    assert {row.started_at for row in rows} == {act.effective_at}


def test_the_answer_waits_for_the_last_holder() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.opinion()
    assert story.stage("answer").state == "pending"
    story.holder()
    assert story.stage("answer").state == "running"


def test_main_base_alone_consults_no_holder() -> None:
    world = World()
    story = world.story(datasets=[world.main_base])
    story.sign()
    story.completeness()
    assert states(story.request)["holder"] == "skipped"
    story.opinion("favourable")
    assert story.stage("answer").state == "running"


def test_second_click_is_already_done() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.declare()
    payload = story.opinion_payload()
    first = story.do("opinion", "issue_opinion", by=story.world.president, **payload)
    again = story.do("opinion", "issue_opinion", by=story.world.president, **payload)
    assert not first.already_done
    assert again.already_done
    assert again.act == first.act
    with pytest.raises(engine.TransitionRefused):
        story.do(
            "opinion",
            "issue_opinion",
            by=story.world.president,
            **story.opinion_payload("unfavourable"),
        )


def test_what_another_has_just_done_is_refused_and_not_said_to_be_done() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    second = user("seconde", role=Role.SECRETARIAT)
    with pytest.raises(engine.TransitionRefused):
        story.do("completeness", "accept_completeness", by=second)


def test_no_right_before_the_convention() -> None:
    story = World().story().reach("convention")
    assert not Permit.objects.exists()
    assert not Grant.objects.exists()
    assert Workspace.objects.get().next_reconcile_at is None
    story.convention()
    assert story.request.state == "in_force"
    assert Grant.objects.filter(state="wanted").count() == 2


def test_stop_ends_everything() -> None:
    story = World().story().reach("answer")
    story.answer("stop")
    assert story.request.state == "withdrawn"
    assert story.request.ended_at is not None
    assert not Stage.objects.open().filter(request=story.request).exists()
    assert set(states(story.request).values()) == {"done", "skipped"}


@pytest.mark.parametrize("sense", ["reserved", "unfavourable"])
def test_a_bad_opinion_ends_nothing_but_the_convention_waits_for_the_law(sense: str) -> None:
    story = World().story()
    story.sign()
    story.completeness()
    story.holder()
    story.opinion(sense)
    story.answer()
    story.referral()
    story.authorisation()
    task = story.request.tasks.get()
    assert (task.code, task.blocks) == ("opinion_not_favourable_check", "convention")
    story.register()
    with pytest.raises(engine.TransitionRefused, match="en attente"):
        story.convention()
    story.do(
        "",
        "close_task",
        by=story.world.legal_officer,
        task=task,
        outcome="cleared",
        note="L’autorisation est expresse.",
    )
    story.convention()
    assert story.request.state == "in_force"


def test_mr_007_does_not_go_on_without_an_express_favourable_opinion() -> None:
    story = World().story(procedure="fr-mr-007")
    story.sign()
    story.completeness()
    story.opinion("reserved")
    with pytest.raises(engine.TransitionRefused) as refused:
        story.answer("go")
    assert "exprès et favorable" in str(refused.value)
    assert not set(states(story.request).values()) - {"done", "running", "skipped"}
    assert states(story.request)["closure"] == "skipped"
    story.answer("stop")
    assert story.request.state == "withdrawn"
