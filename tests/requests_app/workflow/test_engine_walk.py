"""A random walk over every procedure: whatever people do, in any order, the invariants hold."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.test import TestCase
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from portal.accounts.models import User
from portal.common.calendar import legal_now
from requests_app.models import (
    FINAL_STATES,
    AccessRequest,
    Act,
    Grant,
    GrantState,
    Permit,
    RequestState,
    Stage,
    Task,
    TransitionLog,
)
from requests_app.procedures.schema import Procedure
from requests_app.workflow import clock, engine
from requests_app.workflow.abilities import Ability, abilities
from tests.support.clock import legal_advance
from tests.support.course import Course
from tests.support.procedures import EVERY, install
from tests.support.rotation import deep
from tests.support.words import words_for


DONE: Counter[str] = Counter()
MOST = 200
CHOICES = st.lists(st.integers(0, MOST), min_size=2, max_size=6)
# What ends the walk, rarely; what only annotates it, less often than what moves it.
RARE = {"withdraw", "redirect", "record_refusal", "close_incomplete", "correct_act"}
SIDE = {
    *("cancel_signature", "withdraw_member", "request_completion", "file_late_opinion"),
    *("assign_rapporteurs", "file_report", "extend_opinion", "record_extension"),
    *("convene_audition", "contest_signature", "refuse_signature"),
}


def drawn_by(data: st.DataObject) -> Callable[[Sequence[str]], str]:
    return lambda codes: data.draw(st.sampled_from(codes))


class Walk(RuleBasedStateMachine):
    """One request; at each step someone does something they are offered, or time passes."""

    procedure: Procedure

    @initialize()
    def begin(self) -> None:
        self.course = Course(self.procedure)
        self.done: set[tuple[object, object, str]] = set()
        self.turn = 0

    @property
    def request(self) -> AccessRequest:
        return self.course.request

    @rule(choices=CHOICES, data=st.data())
    def people_act(self, choices: list[int], data: st.DataObject) -> None:
        self.act(choices, data)

    def act(self, choices: list[int], data: st.DataObject) -> None:
        for which in choices:
            self.someone_acts(which, data)

    def someone_acts(self, which: int, data: st.DataObject) -> None:
        request = self.request
        offer = self.offer(request, which) if request.state not in FINAL_STATES else None
        if offer is None:
            return
        person, one = offer
        payload = words_for(self.course, one.name, one.stage, one.task, choose=drawn_by(data))
        if one.name == "accept_completeness":
            request.pieces.update(review="accepted")
        try:
            engine.apply(one.stage or request, one.name, by=person, **payload)
        except engine.TransitionRefused:
            return
        self.done.add((person.pk, one.stage and one.stage.pk, one.name))
        DONE[one.name] += 1

    def offer(self, request: AccessRequest, which: int) -> tuple[User, Ability] | None:
        """Of the first person, from one on, who is offered what they have not done yet; else what
        they did already to the file: otherwise the walk turns round on the spot."""
        stages = [*Stage.objects.filter(request=request).select_related("holder", "committee")]
        people = [*dict.fromkeys(self.course.acting(stages))]
        rare, side = which == MOST - 63, MOST - 50 < which < MOST - 20  # bounds are drawn often
        again = None
        self.turn += 1  # what is refused now gives way to what another may do
        for rank in range(len(people)):
            person = people[(which + self.turn + rank) % len(people)]
            offered = abilities(request, user=person, stages=stages)
            first = self.turn % max(1, len(offered))
            for one in (*offered[first:], *offered[:first]):
                if (one.name in RARE) != rare or (not rare and (one.name in SIDE) != side):
                    continue
                if (person.pk, one.stage and one.stage.pk, one.name) not in self.done:
                    return person, one
                again = again or ((person, one) if one.stage is None else None)
        return again

    # Rules are drawn, and some not at all in an example: in each of them people act.
    @rule(days=st.integers(1, 25), choices=CHOICES, data=st.data())
    def time_passes(self, days: int, choices: list[int], data: st.DataObject) -> None:
        self.act(choices, data)
        legal_advance(timedelta(days=days))
        clock.run_due()

    @rule(state=st.sampled_from(["open", "closed"]), choices=CHOICES, data=st.data())
    def provisioning_moves(self, state: str, choices: list[int], data: st.DataObject) -> None:
        """Opens what is wanted and running; closes what is over."""
        self.act(choices, data)
        grants = Grant.objects.filter(permit__request=self.request)
        now = legal_now()
        if state == "open":
            grants.filter(state=GrantState.WANTED, expires_at__gt=now).update(
                state=GrantState.OPEN, opened_at=now
            )
        else:
            grants.filter(expires_at__lte=now).update(state=GrantState.CLOSED, closed_at=now)
        clock.run_ripe()

    @invariant()
    def no_right_without_its_act(self) -> None:
        for permit in Permit.objects.filter(request=self.request):
            assert permit.act.stage is not None
            assert permit.act.stage.code == self.procedure.grants_on
            assert permit.act.stage.outcome
        if Grant.objects.exists():
            assert self.request.state in {RequestState.IN_FORCE, RequestState.CLOSED}

    @invariant()
    def the_log_tells_every_state(self) -> None:
        request = self.request
        state, numbered = "draft", 0
        for row in TransitionLog.objects.filter(request=request, stage__isnull=True):
            assert row.source == state
            state, numbered = row.target, numbered + 1
        assert state == request.state
        for stage in Stage.objects.filter(request=request):
            state = "pending"
            for row in TransitionLog.objects.filter(stage=stage):
                assert row.source == state
                state = row.target
            assert state == stage.state

    @invariant()
    def no_open_grant_after_the_end(self) -> None:
        if self.request.state in FINAL_STATES:
            assert not Grant.objects.exclude(state=GrantState.CLOSED).exists()
            assert not Stage.objects.open().exists()
            assert not Task.objects.filter(closed_at__isnull=True).exists()

    @invariant()
    def acts_are_never_of_the_future_nor_doubly_ended(self) -> None:
        now = legal_now()
        assert not Act.objects.filter(effective_at__gt=now).exists()
        ends = Counter(TransitionLog.objects.filter(target="done").values_list("stage", flat=True))
        assert all(count == 1 for count in ends.values())

    @invariant()
    def someone_is_awaited_until_the_end(self) -> None:
        request = self.request
        if request.number is None or request.state in FINAL_STATES:
            return
        if request.state == RequestState.AWAITING_SIGNATURE:
            return
        tasks = Task.objects.filter(request=request, closed_at__isnull=True)
        assert Stage.objects.open().filter(request=request).exists() or tasks.exists()


class _Isolated(Walk):
    """Each example in a savepoint of its own, rolled back at its end."""

    def __init__(self, procedure: Procedure) -> None:
        super().__init__()
        self.procedure = procedure
        self._atomic = transaction.atomic()
        self._atomic._from_testcase = True  # durable blocks are allowed inside, as in a TestCase
        self._atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


@pytest.mark.long
class TestWalk(TestCase):
    def test_walk(self) -> None:
        """Each procedure has its examples: drawn, it might have none, or none that goes far."""
        DONE.clear()
        for name in EVERY:
            before = DONE.total()
            with self.subTest(name), pytest.MonkeyPatch.context() as patch:
                procedure = install(patch, name)
                run_state_machine_as_test(
                    partial(_Isolated, procedure),
                    settings=settings(
                        max_examples=15 if deep() else 2,
                        stateful_step_count=50 if deep() else 25,
                        deadline=None,
                        derandomize=True,  # the same walk for everyone
                        suppress_health_check=list(HealthCheck),
                        database=None,
                        phases=[Phase.generate],  # an example costs too much to be made smaller
                    ),
                )
                assert DONE.total() > before + 4, (name, DONE)
        # the walk is worth something only if it goes far
        assert DONE["issue_opinion"], DONE
        assert DONE["record_convention"], DONE
        assert DONE["publish_register"], DONE
