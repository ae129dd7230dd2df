"""Every state against every move: what the tables say is what happens, and nothing else."""

from typing import Any

import pytest

from portal.audit.models import AuditEvent
from portal.common.machine import Transition
from requests_app.models import (
    AccessRequest,
    RequestState,
    Stage,
    StageState,
    TransitionLog,
)
from requests_app.procedures.moves import Actor
from requests_app.procedures.schema import Procedure
from requests_app.provisioning.extract import delivery
from requests_app.workflow import definition, engine
from requests_app.workflow.catalogue import VERBS, public_names
from requests_app.workflow.clock import run_due
from tests.support import odd_procedure
from tests.support.clock import legal_advance
from tests.support.course import Course
from tests.support.factories import Story, World
from tests.support.procedures import EVERY, install


pytestmark = pytest.mark.both


@pytest.fixture(params=EVERY)
def procedure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return install(monkeypatch, request.param)


def test_the_definition_names_the_states_of_the_models() -> None:
    assert {str(s) for s in definition.Request} == set(RequestState.values)
    assert {str(s) for s in definition.Stage} == set(StageState.values)


def test_every_verb_has_its_class_its_label_and_its_actors() -> None:
    names = public_names()
    assert set(names) == set(VERBS)
    assert all(verb.button and verb.logged for verb in VERBS.values())
    assert all(names.values())


def test_every_stage_of_a_procedure_can_end(procedure: Procedure) -> None:
    for spec in procedure.stages:
        moves = definition.stage_moves(spec).values()
        ends = {m.outcome for m in moves if m.target == StageState.DONE}
        codes = {o.code for o in spec.outcomes}
        assert ends
        assert ends <= codes | {definition.CHOSEN}
        tacit = {o.code for o in spec.outcomes if o.tacit}
        clock = spec.clock.on_expiry.outcome if spec.clock else None
        by_task = {
            o.outcome for task in procedure.tasks if task.stage == spec.code for o in task.outcomes
        }
        assert tacit <= {clock} | by_task  # nobody writes a tacit outcome by hand


def _with_state(request: AccessRequest, state: str) -> None:
    request.number = request.number or "GUI-1999-0001"
    request.submitted_at = request.submitted_at or request.created_at
    request.completed_at = request.completed_at or request.created_at
    request.state = state
    request.save()


@pytest.mark.django_db
@pytest.mark.parametrize("name", [m.name for m in definition.REQUEST_MOVES.values() if m.public])
def test_request_state_by_move(name: str) -> None:
    """From a state outside the table the verb is refused with a reason and nothing is written."""
    world = World()
    request = world.draft()
    payload: dict[str, Any] = {"task": None} if name == "close_task" else {}
    desk = ("correct_act", "verify_signature", "refuse_signature")
    signs = ("sign", "contest_signature")
    by = world.secretariat if name in desk else world.investigator
    by = world.representative if name in signs else by
    # from its sources: done for real by the course and the walk
    others = set(RequestState.values) - set(definition.REQUEST_MOVES[name].sources)
    for state in sorted(others):
        _with_state(request, state)
        with pytest.raises((engine.TransitionRefused, engine.NotAllowed)):
            engine.apply(request, name, by=by, **payload)
        request.refresh_from_db()
        assert request.state == state
        assert not TransitionLog.objects.filter(request=request).exists(), state


@pytest.mark.django_db
def test_stage_state_by_move(procedure: Procedure) -> None:
    """Every kind of stage, every state, every move: outside the table, refused and nothing
    moves."""
    course = Course(procedure).to_end()
    tried = 0
    for stage in Stage.objects.filter(request=course.request):
        spec = procedure.stage(stage.code)
        for move in definition.stage_moves(spec).values():
            for state in set(StageState.values) - set(move.sources):
                Stage.objects.filter(pk=stage.pk).update(
                    state=state,
                    outcome=stage.outcome or "x",
                    ended_at=stage.ended_at,
                    due_at=None,
                )
                moves = TransitionLog.objects.count()
                try:
                    done = engine.apply(
                        stage.pk, move.name, by=_actor(course, stage, move), **_other_words(move)
                    )
                except (engine.TransitionRefused, engine.NotAllowed):
                    pass
                else:
                    assert done.already_done  # a verb without words, clicked again
                assert Stage.objects.get(pk=stage.pk).state == state
                assert TransitionLog.objects.count() == moves
                tried += 1
        Stage.objects.filter(pk=stage.pk).update(state=stage.state, outcome=stage.outcome)
    assert tried > 3 * len(procedure.stages)


def _actor(course: Course, stage: Stage, move: Transition) -> Any:
    return next((one for who in sorted(move.actors) for one in course.actors(stage, who)), None)


def _other_words(move: Transition) -> dict[str, Any]:
    """A payload unlike the one already done, so that it is no second click."""
    verb = VERBS[move.name]
    for name in ("text", "message", "reason", "note", "reference", "number"):
        if name in verb.takes:
            return {name: "autre chose"}
    return {}


@pytest.mark.django_db
def test_an_unknown_verb_or_payload_is_a_fault_of_the_caller() -> None:
    world = World()
    request = world.draft()
    with pytest.raises(LookupError):
        engine.apply(request, "process", by=world.secretariat)  # entailed, never asked for
    with pytest.raises(TypeError):
        engine.apply(request, "withdraw", by=world.investigator, state="closed")


def test_story_covers_every_kind() -> None:
    assert all(hasattr(Story, kind) for kind in definition.KINDS)


@pytest.mark.django_db
def test_a_stage_knows_no_verb_of_another_kind(procedure: Procedure) -> None:
    """Every stage of a procedure against every verb of every kind that is not its own."""
    course = Course(procedure).signed()
    (desk, *_others) = course.cast.who(Actor.SECRETARIAT)
    tried = 0
    for stage in Stage.objects.filter(request=course.request):
        own = definition.stage_moves(procedure.stage(stage.code))
        for name in set(VERBS) - set(own):
            with pytest.raises(LookupError):
                engine.apply(stage.pk, name, by=desk)
            tried += 1
    assert tried > 14 * len(procedure.stages)
    assert TransitionLog.objects.filter(stage__isnull=False).count() == 1  # the deposit's


UNSIGNED = ("awaiting_signature", "signature_check")


def _brought_to(world: World, state: str, *, numbered: bool) -> Story:
    story = world.story()
    if state == "draft":
        return story
    if state in UNSIGNED and not numbered:
        story.ask_signature()
        if state == "signature_check":
            story.deposit_paper()
        return story
    story.sign()
    if state in {"incomplete", *UNSIGNED}:
        story.do("completeness", "request_completion", by=world.secretariat, message="Le plan.")
    if state in UNSIGNED:
        story.ask_signature()
    if state == "signature_check":
        story.deposit_paper()
    if state == "processing":
        story.completeness()
    assert story.fresh().state == state
    return story


FILE_PAIRS = [
    (name, state, numbered)
    for name in (
        "ask_signature",
        "send_completion",
        "cancel_signature",
        "sign",
        "deposit_paper",
        "verify_signature",
        "refuse_signature",
        "contest_signature",
        "withdraw",
    )
    for state in sorted(definition.REQUEST_MOVES[name].sources)
    for numbered in ((False, True) if state in UNSIGNED else (state != "draft",))
]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "state", "numbered"), FILE_PAIRS)
def test_every_pair_of_the_file_is_done(name: str, state: str, *, numbered: bool) -> None:
    world = World()
    story = _brought_to(world, state, numbered=numbered)
    reasoned = name in {"withdraw", "refuse_signature", "contest_signature"}
    payload: dict[str, Any] = {"reason": "Abandon."} if reasoned else {}
    if name == "deposit_paper":
        story.deposit_paper()
    elif name == "verify_signature":
        story.verify_paper(story.request.versions.get(status="checking"))
    else:
        if name == "sign":
            version = story.request.versions.get(status="awaiting")
            payload = {"version": version, "sha256": version.sha256}
        signs = name in {"sign", "contest_signature"}
        by = world.representative if signs else world.investigator
        by = world.secretariat if name == "refuse_signature" else by
        engine.apply(story.request, name, by=by, **payload)
    move = definition.REQUEST_MOVES[name]
    assert story.fresh().state == definition.request_target(move, numbered=numbered)
    log = TransitionLog.objects.filter(request=story.request, stage=None).order_by("-pk")[0]
    assert (log.name, log.source) == (name, state)


@pytest.mark.django_db
@pytest.mark.long
def test_every_move_of_every_kind_is_done_by_its_people(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_procedure.install(monkeypatch)
    world = World()
    people = world.secretariat, world.legal_officer, world.president, world.member
    secretariat, legal, president, member = people
    world.tied_member  # noqa: B018 - there before the committee is seized

    def asked() -> Story:
        story = world.story()
        story.sign()
        story.do("completeness", "request_completion", by=secretariat, message="Le plan.")
        return story

    late = asked()
    with pytest.raises(engine.TransitionRefused, match="Le demandeur a jusqu’au"):
        late.do("completeness", "close_incomplete", by=secretariat, message="Incomplet.")
    legal_advance("2m")
    run_due()
    late.do("completeness", "close_incomplete", by=secretariat, message="Incomplet.")  # stopped
    sent_back = asked()
    sent_back.do("", "send_completion", by=world.investigator)
    sent_back.do("completeness", "close_incomplete", by=secretariat, message="Incomplet.")
    other = world.story()
    other.sign()
    other.do("completeness", "redirect", by=secretariat, route="MR-004", message="Autre voie.")

    whole = world.story()
    whole.sign()
    whole.completeness()
    whole.declare()
    whole.do("opinion", "assign_rapporteurs", by=president, members=[member])
    report = whole.opinion_payload()
    report.pop("present")
    whole.do("opinion", "file_report", by=member, **report)
    whole.do("opinion", "extend_opinion", by=president, reason="Complexe.")
    first, *rest = Stage.objects.filter(request=whole.request, kind="holder").order_by("pk")
    engine.apply(first, "file_no_remark", by=world.holder_rep(first))
    for stage in rest:
        engine.apply(stage, "file_remark", by=world.holder_rep(stage), text="Remarque.")
    whole.do("opinion", "issue_opinion", by=president, **whole.opinion_payload("favourable"))
    whole.answer()
    whole.referral()
    whole.receipt()
    whole.do("authorisation", "record_extension", by=legal, reference="Lettre.")
    for step in ("authorisation", "register", "convention", "extract"):
        getattr(whole, step)()
    delivery.send_back(whole.fresh().workspace, reason="Perdue.")
    run_due()
    for step in ("extract", "opening", "use", "closure"):
        getattr(whole, step)()

    silent = world.story()
    silent.sign()
    silent.completeness()
    silent.declare()
    silent.do("opinion", "withdraw_member", by=president, member=member, reason="Lien.")
    legal_advance("40d")
    run_due()
    silent.do("opinion", "file_late_opinion", by=president, text="Trop tard.")
    silent.answer()
    silent.referral()
    silent.receipt()
    silent.do("authorisation", "record_refusal", by=legal, number="DR-2027-105")
    world.story(procedure="fr-mr-007").reach("register")

    heard = world.story(procedure=odd_procedure.CODE)
    heard.sign()
    heard.completeness()
    heard.declare_at("audition")
    heard.convene(by=president)
    legal_advance("14d")
    run_due()  # the reminder
    legal_advance("3d")
    said = {"outcome": "heard", "text": "Entendu.", "present": [member]}
    heard.do("audition", "record_audition", by=secretariat, **said)

    done = set(AuditEvent.objects.filter(outcome="done").values_list("action", flat=True))
    names = {move.name for kind in definition.KINDS.values() for move in kind.moves}
    assert {f"stage.{name}" for name in names} <= done
    assert "stage.expire" in done
    closed = TransitionLog.objects.filter(name="close_incomplete", stage__isnull=False)
    assert set(closed.values_list("source", flat=True)) == {"running", "paused"}
