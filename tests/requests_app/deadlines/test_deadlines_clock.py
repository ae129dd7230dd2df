"""Legal clocks through the engine: last instants, stops, tacit outcomes, late workers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.common.calendar import (
    PARIS,
    end_of_day,
    legal_now,
    legal_today,
)
from portal.common.units import add_period
from requests_app.deadlines.clock import permit_end
from requests_app.models import Act, Opinion, Permit, Stage, Task, TransitionLog
from requests_app.workflow import engine
from requests_app.workflow.clock import run_due
from requests_app.workflow.kinds import opinion
from tests.requests_app.provisioning.world import study
from tests.support.clock import legal_advance, legal_advance_to
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db
Advance = Callable[[timedelta | str], datetime]


def to_the_last_instant(stage: Stage) -> None:
    assert stage.due_at is not None
    legal_advance_to(stage.due_at - timedelta(seconds=30))


def complete(**more: Any) -> Story:
    story = World().story(**more)
    story.sign()
    story.completeness()
    return story


def test_completeness_escalates_after_seven_working_days() -> None:
    story = World().story()
    story.sign()
    stage = story.stage("completeness")
    assert stage.due_at == end_of_day(
        add_period(story.request.submitted_at.astimezone(PARIS).date(), "7wd")
    )
    to_the_last_instant(stage)
    assert run_due() == 0
    legal_advance(timedelta(minutes=1))
    assert run_due() == 1
    stage = story.stage("completeness")
    assert (stage.state, stage.expired_at) == ("running", stage.due_at)
    assert run_due() == 0  # once


def test_completeness_stops_while_the_applicant_completes() -> None:
    story = World().story()
    story.sign()
    legal_advance("2d")
    story.do("completeness", "request_completion", by=story.world.secretariat, message="Le plan.")
    theirs = story.stage("completeness").due_at  # the applicant's date, not the desk's
    assert theirs is not None
    assert theirs.astimezone(PARIS).date() == add_period(legal_today(), "1m")
    assert story.fresh().state == "incomplete"
    legal_advance("40d")
    assert run_due() == 1  # a reminder, which ends nothing
    assert run_due() == 0
    assert story.stage("completeness").state == "paused"
    story.do("", "send_completion", by=story.world.investigator)
    stage = story.stage("completeness")
    assert stage.state == "running"
    assert stage.round == 2
    assert stage.due_at is not None
    # two of the seven working days may have gone by before the stop, not one during it
    assert add_period(legal_today(), "5wd") <= stage.due_at.astimezone(PARIS).date()
    assert stage.due_at.astimezone(PARIS).date() <= add_period(legal_today(), "7wd")
    assert story.fresh().state == "submitted"


def test_a_second_stop_leaves_the_first_as_it_was() -> None:
    story = World().story()
    story.sign()
    for _round in range(2):
        story.do("completeness", "request_completion", by=story.world.secretariat, message="Non.")
        legal_advance("1d")
        story.do("", "send_completion", by=story.world.investigator)
    first, second = story.stage("completeness").pauses.order_by("started_at")
    assert first.ended_at is not None
    assert first.ended_at <= second.started_at


def test_the_second_request_is_the_last() -> None:
    story = World().story()
    story.sign()
    for expected in (False, True):
        act = story.do(
            "completeness", "request_completion", by=story.world.secretariat, message="À revoir."
        ).act
        assert act is not None
        assert act.data["last"] is expected
        story.do("", "send_completion", by=story.world.investigator)
    with pytest.raises(engine.TransitionRefused, match="dernière demande"):
        story.do("completeness", "request_completion", by=story.world.secretariat, message="Non.")
    story.do("completeness", "close_incomplete", by=story.world.secretariat, message="Trop tard.")
    assert story.fresh().state == "closed_incomplete"


def test_an_incomplete_file_is_closed_after_the_date_its_applicant_was_given() -> None:
    story = World().story()
    story.sign()
    by = story.world.secretariat
    story.do("completeness", "request_completion", by=by, message="Le plan.")
    to_the_last_instant(story.stage("completeness"))
    with pytest.raises(engine.TransitionRefused, match="pour compléter le dossier"):
        story.do("completeness", "close_incomplete", by=by, message="Trop tard.")
    legal_advance(timedelta(minutes=1))
    story.do("completeness", "close_incomplete", by=by, message="Trop tard.")
    assert story.fresh().state == "closed_incomplete"


def test_a_silent_holder_is_recorded_as_such() -> None:
    story = complete()
    stage = story.stage("holder")
    to_the_last_instant(stage)
    assert run_due() == 0
    legal_advance(timedelta(minutes=1))
    assert run_due() == 2
    stage.refresh_from_db()
    assert (stage.state, stage.outcome, stage.ended_at) == (
        "done",
        "no_remark_received",
        stage.due_at,
    )
    assert stage.due_at == end_of_day(add_period(stage.started_at.astimezone(PARIS).date(), "10d"))


def test_a_remark_at_the_last_instant_counts_and_one_after_does_not() -> None:
    story = complete()
    first, second = Stage.objects.filter(request=story.request, kind="holder")
    to_the_last_instant(first)
    engine.apply(first, "file_remark", by=story.world.holder_rep(first), text="À temps.")
    legal_advance(timedelta(minutes=1))
    # nobody ran the clock: the engine lets it speak first
    with pytest.raises(engine.TransitionRefused, match="échu"):
        engine.apply(second, "file_remark", by=story.world.holder_rep(second), text="Trop tard.")
    second.refresh_from_db()
    assert second.outcome == "no_remark_received"


def test_a_tacit_opinion_is_dated_at_the_clock_s_end_even_if_the_worker_was_down() -> None:
    story = complete()
    story.holder()
    due = story.stage("opinion").due_at
    legal_advance("60d")
    run_due()
    stage, opinion = story.stage("opinion"), Opinion.objects.get()
    assert (stage.outcome, stage.ended_at) == ("tacit_favourable", due)
    assert (opinion.sense, opinion.issued_at, opinion.issued_by) == ("tacite favorable", due, None)
    act = Act.objects.get(stage=stage, code="expire")
    assert act.effective_at == due
    assert act.entered_at > due
    assert story.stage("answer").started_at == due


def test_urgency_gives_fifteen_days_and_one_extension() -> None:
    story = complete(**{})
    legal_advance("1d")
    story.declare(story.world.president)
    before = story.stage("opinion").due_at
    story.do("opinion", "extend_opinion", by=story.world.president, reason="Dossier complexe.")
    after = story.stage("opinion").due_at
    assert after == end_of_day(add_period(before.astimezone(PARIS).date(), "1m"))
    with pytest.raises(engine.TransitionRefused, match="déjà été prolongé"):
        story.do("opinion", "extend_opinion", by=story.world.president, reason="Encore.")


def test_urgent_opinion() -> None:
    story = World().story()
    story.sign()
    story.completeness(urgent=True, urgent_reason="Alerte sanitaire.")
    stage = story.stage("opinion")
    assert stage.due_at == end_of_day(add_period(stage.started_at.astimezone(PARIS).date(), "15d"))


def test_no_extension_after_the_end_and_a_late_opinion_is_a_remark() -> None:
    story = complete()
    story.declare()
    legal_advance("60d")
    with pytest.raises(engine.TransitionRefused):
        story.do("opinion", "extend_opinion", by=story.world.president, reason="Trop tard.")
    with pytest.raises(engine.TransitionRefused, match="échu"):
        story.do("opinion", "issue_opinion", by=story.world.president, **story.opinion_payload())
    story.do(
        "opinion",
        "file_late_opinion",
        by=story.world.president,
        sense="unfavourable",
        text="Le comité aurait été défavorable.",
    )
    assert story.stage("opinion").outcome == "tacit_favourable"
    assert story.stage("opinion").outcome == "tacit_favourable"


def test_mr_007_stays_closed_after_a_tacit_opinion() -> None:
    story = complete(procedure="fr-mr-007")
    legal_advance("60d")
    run_due()
    assert story.stage("opinion").outcome == "tacit_favourable"
    with pytest.raises(engine.TransitionRefused, match="exprès et favorable"):
        story.answer("go")
    assert story.stage("convention").state == "skipped"


def test_the_answer_is_reminded_every_month() -> None:
    story = World().story().reach("answer")
    legal_advance("32d")
    assert run_due() == 1
    stage = story.stage("answer")
    assert stage.state == "running"
    assert stage.reminded_at is not None
    assert stage.due_at > legal_now()
    legal_advance("32d")
    assert run_due() == 1


def test_the_authority_s_clock_starts_at_its_receipt() -> None:
    story = World().story().reach("authorisation")
    assert story.stage("authorisation").due_at is None
    legal_advance("5d")
    received = (legal_now() - timedelta(days=2)).astimezone(PARIS).date()
    story.receipt(effective_at=received)
    stage = story.stage("authorisation")
    assert stage.due_at == end_of_day(add_period(received, "2m"))


def silent_authority() -> Story:
    story = World().story().reach("authorisation")
    story.receipt()
    legal_advance("63d")
    run_due()
    return story


def test_a_silent_authority_opens_a_task_and_authorises_nothing() -> None:
    story = silent_authority()
    task, stage = Task.objects.get(), story.stage("authorisation")
    assert (task.code, task.role, task.blocks) == (
        "tacit_authorisation_check",
        "legal_officer",
        "convention",
    )
    assert stage.state == "running"
    assert story.stage("register").state == "pending"
    story.do(
        "",
        "close_task",
        by=story.world.legal_officer,
        task=task,
        outcome="confirmed",
        note="Avis exprès favorable : le silence vaut autorisation.",
    )
    stage = story.stage("authorisation")
    assert (stage.outcome, stage.ended_at) == ("tacit_authorised", stage.due_at)
    assert story.stage("register").state == "running"


def test_a_silence_not_confirmed_waits_for_the_answer() -> None:
    story = silent_authority()
    task = Task.objects.get()
    story.do(
        "",
        "close_task",
        by=story.world.legal_officer,
        task=task,
        outcome="not_confirmed",
        note="Avis tacite : le silence ne suffit pas.",
    )
    assert story.stage("authorisation").state == "running"
    story.authorisation()
    story.register()
    story.convention()
    assert story.request.state == "in_force"


def test_an_express_answer_after_the_silence_makes_the_task_without_object() -> None:
    story = silent_authority()
    story.authorisation()
    assert Task.objects.get().outcome == "without_object"


def test_an_extension_of_before_the_end_entered_after_reopens_the_clock() -> None:
    story = silent_authority()
    due = story.stage("authorisation").due_at
    story.do(
        "authorisation",
        "record_extension",
        by=story.world.legal_officer,
        reference="Lettre du président",
        effective_at=due - timedelta(days=3),
    )
    stage = story.stage("authorisation")
    assert stage.due_at == end_of_day(add_period(due.astimezone(PARIS).date(), "2m"))
    assert stage.expired_at is None
    assert Task.objects.get().outcome == "without_object"
    legal_advance("63d")
    run_due()
    assert Task.objects.filter(closed_at__isnull=True).count() == 1


def test_a_corrected_receipt_moves_the_due_date_and_both_acts_stay() -> None:
    story = World().story().reach("authorisation")
    legal_advance("10d")
    story.receipt(effective_at=legal_now() - timedelta(days=1))
    act = Act.objects.get(code="record_receipt")
    real = act.effective_at - timedelta(days=5)
    story.do(
        "",
        "correct_act",
        by=story.world.legal_officer,
        act=act,
        effective_at=real,
        data={"application_number": "925058"},
        reason="Le cachet porte une autre date.",
    )
    stage = story.stage("authorisation")
    assert stage.due_at == end_of_day(add_period(real.astimezone(PARIS).date(), "2m"))
    correction = Act.objects.get(corrects=act)
    assert (correction.code, correction.data["application_number"]) == (
        "record_receipt",
        "925058",
    )
    with pytest.raises(engine.TransitionRefused, match="déjà corrigé"):
        story.do(
            "", "correct_act", by=story.world.legal_officer, act=act, reason="Encore une fois."
        )


def test_a_corrected_referral_moves_what_it_opened() -> None:
    story = World().story().reach("referral")
    legal_advance("10d")
    story.do(
        "referral",
        "record_referral",
        by=story.world.secretariat,
        effective_at=legal_now() - timedelta(days=1),
    )
    act = Act.objects.get(code="record_referral")
    real = act.effective_at - timedelta(days=4)
    story.do(
        "", "correct_act", by=story.world.secretariat, act=act, effective_at=real, reason="Erreur."
    )
    assert story.stage("referral").ended_at == real
    assert story.stage("authorisation").started_at == real


def test_dates_in_the_future_or_before_what_they_follow_are_refused() -> None:
    story = World().story().reach("authorisation")
    with pytest.raises(engine.TransitionRefused, match="futur"):
        story.receipt(effective_at=legal_now() + timedelta(days=1))
    with pytest.raises(engine.TransitionRefused, match="précéder"):
        story.receipt(effective_at=legal_now() - timedelta(days=90))


def test_the_use_ends_with_the_access() -> None:
    story = World().story().reach("use")
    end = story.stage("use").due_at
    assert end == story.request.permits.get().expires_at
    legal_advance("367d")
    run_due()
    stage = story.stage("use")
    assert (stage.outcome, stage.ended_at) == ("ended", end)
    with pytest.raises(engine.TransitionRefused, match="pas encore fermés"):
        story.closure()
    story.move_grants("closed")
    story.closure()
    assert story.request.state == "closed"
    assert TransitionLog.objects.filter(request=story.request, name="close").count() == 2


def test_the_end_of_an_access_is_that_of_its_last_version() -> None:
    request, now = study([], staged=False).request, legal_now()
    permit = Permit.objects.get()
    assert permit_end(request.pk) == permit.expires_at
    permit.pk, permit.number, permit._state.adding = None, 2, True  # an amendment
    permit.act = Act.objects.create(
        request=request, code="record_convention", effective_at=now, entered_at=now
    )
    permit.expires_at += timedelta(days=100)
    permit.save()
    assert permit_end(request.pk) == permit.expires_at
    Permit.objects.filter(number=2).update(revoked_at=now)
    assert permit_end(request.pk) == now
    assert permit_end(World().draft().pk) is None


def test_a_clock_that_explodes_is_said_to_whoever_acts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    story = complete()
    legal_advance_to(story.stage("opinion").due_at)
    legal_advance(timedelta(minutes=1))

    def explode(*_args: Any) -> None:
        raise LookupError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(opinion, "write_tacit_opinion", explode)
        with pytest.raises(engine.TransitionRefused, match="Réessayez dans quelques minutes"):
            story.do("", "withdraw", by=story.world.investigator, reason="Abandon.")
        assert "LookupError: broken" in caplog.text
        assert run_due() >= 0  # the sweep goes on
    assert story.fresh().state == "processing"
    assert not Opinion.objects.exists()
    story.do("", "withdraw", by=story.world.investigator, reason="Abandon.")
    assert Opinion.objects.get().deemed  # mended, it speaks first
