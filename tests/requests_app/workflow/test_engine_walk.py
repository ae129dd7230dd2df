"""A random walk over both procedures: whatever people do, in any order, the invariants hold."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from portal.common.calendar import legal_now, legal_today
from requests_app.models import (
    FINAL_STATES,
    Act,
    Grant,
    GrantState,
    Permit,
    RequestState,
    RequestVersion,
    Stage,
    Task,
    TransitionLog,
    Workspace,
)
from requests_app.provisioning.extract import confirming
from requests_app.workflow import clock, engine
from requests_app.workflow.abilities import abilities
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, stored_file
from tests.support.rotation import deep


DONE: Counter[str] = Counter()


class Walk(RuleBasedStateMachine):
    """One request; at each step someone does something they are offered, or time passes."""

    @initialize(procedure=st.sampled_from(["fr-cnil-standard", "fr-mr-007"]))
    def begin(self, procedure: str) -> None:
        self.world = World()
        self.story: Story = self.world.story(procedure=procedure)
        self.done: set[tuple[object, str]] = set()
        self.people = [
            self.world.investigator,
            self.world.representative,
            self.world.secretariat,
            self.world.legal_officer,
            self.world.second_operator,
            self.world.president,
            self.world.member,
            self.world.holder_a_rep,
            self.world.holder_b_rep,
            self.world.officer,
        ]

    @rule(choices=st.lists(st.integers(0, 40), min_size=2, max_size=6), data=st.data())
    def people_act(self, choices: list[int], data: st.DataObject) -> None:
        for which in choices:
            self.someone_acts(which, data)

    def someone_acts(self, which: int, data: st.DataObject) -> None:
        request = self.story.fresh()
        offers = [(p, one) for p in self.people for one in abilities(request, user=p)]
        # what ends the walk, rarely; what only annotates it, less often than what moves it
        rare = {"withdraw", "redirect", "record_refusal", "close_incomplete", "correct_act"}
        side = {"cancel_signature", "withdraw_member", "request_completion", "file_late_opinion"}
        side |= {"assign_rapporteurs", "file_report", "extend_opinion", "record_extension"}
        if all(stage.state != "running" or stage.kind != "opinion" for stage in self.stages()):
            side.add("declare_interest")
        chosen = rare if which == 40 else side if which > 32 else None
        offers = [
            (p, one)
            for p, one in offers
            if (one.name in chosen if chosen else one.name not in rare | side)
        ]
        # what this person has not done yet, first: otherwise the walk turns round on the spot
        offers = [o for o in offers if (o[0].pk, o[1].name) not in self.done] or offers
        if not offers:
            return
        person, one = offers[which % len(offers)]
        payload = self._payload(one.name, one.stage, one.task, data)
        if one.name == "accept_completeness":
            self.story.review()
        try:
            engine.apply(one.stage or request, one.name, by=person, **payload)
        except engine.TransitionRefused:
            return
        DONE[one.name] += 1
        self.done.add((person.pk, one.name))

    def stages(self) -> list[Stage]:
        return list(Stage.objects.filter(request=self.story.request))

    @rule(days=st.integers(1, 25))
    def time_passes(self, days: int) -> None:
        legal_advance(timedelta(days=days))
        clock.run_due()

    @rule(state=st.sampled_from(["open", "closed"]))
    def provisioning_moves(self, state: str) -> None:
        """Opens what is wanted and running; closes what is over."""
        grants = Grant.objects.filter(permit__request=self.story.request)
        now = legal_now()
        if state == "open":
            grants.filter(state=GrantState.WANTED, expires_at__gt=now).update(
                state=GrantState.OPEN, opened_at=now
            )
        else:
            grants.filter(expires_at__lte=now).update(state=GrantState.CLOSED, closed_at=now)
        clock.run_ripe()

    def _payload(
        self, name: str, stage: Stage | None, task: Task | None, data: st.DataObject
    ) -> dict[str, Any]:
        story = self.story
        if name in {"deposit_paper", "verify_signature"}:
            version = RequestVersion.objects.get(
                request=story.request, status__in=["awaiting", "checking"]
            )
            said = {"signatory_name": "A", "signatory_capacity": "B", "version": version}
            if name == "verify_signature":
                return said | {"fingerprint": version.sha256, "despite_contest": True}
            return said | {"sha256": version.sha256, "file": stored_file(story.request)}
        if name == "sign":
            version = RequestVersion.objects.get(request=story.request, status="awaiting")
            return {"version": version, "sha256": version.sha256}
        if name == "confirm_extract":
            story.manifest()
            workspace = Workspace.objects.get(request=story.request)
            return {"manifest": confirming.manifest_sha256(workspace)}
        senses = ["favourable", "favourable_with_recommendations", "reserved", "unfavourable"]
        fixed: dict[str, Any] = {
            "withdraw": {"reason": "Abandon."},
            "refuse_signature": {"reason": "Illisible."},
            "contest_signature": {"reason": "Pas moi."},
            "request_completion": {"message": "Le plan manque."},
            "redirect": {"route": "MR-004", "message": "Autre voie."},
            "close_incomplete": {"message": "Incomplet."},
            "file_remark": {"text": "Une remarque."},
            "declare_interest": {"answer": "none"},
            "assign_rapporteurs": {"members": [self.world.member]},
            "withdraw_member": {"member": self.world.tied_member, "reason": "Lien."},
            "extend_opinion": {"reason": "Complexe."},
            "file_late_opinion": {"text": "Trop tard."},
            "answer_points": {"answers": {1: "Oui.", 2: "Oui."}, "decision": "go"},
            "record_receipt": {"application_number": "925057"},
            "record_extension": {"reference": "Lettre."},
            "record_authorisation": {"number": "DR-2027-104"},
            "record_refusal": {"number": "DR-2027-105"},
            "record_conformity": {"reference": "MR7"},
            "correct_act": {"act": Act.objects.order_by("?").first(), "reason": "Erreur."},
        }
        if name in {"issue_opinion", "file_report"}:
            payload = story.opinion_payload(data.draw(st.sampled_from(senses)))
            if name == "file_report":
                payload.pop("present")
            return payload
        if name == "record_convention":
            short = legal_today() + timedelta(days=30)
            return story.convention_payload() | {"ends_on": short}
        if name == "close_task" and task is not None:
            codes = [o.code for o in story.procedure.task(task.code).outcomes]
            return {
                "task": task,
                "outcome": data.draw(st.sampled_from(codes)),
                "note": "Après lecture.",
            }
        return dict(fixed.get(name, {}))

    @invariant()
    def no_right_without_its_act(self) -> None:
        for permit in Permit.objects.filter(request=self.story.request):
            kind = self.story.procedure.stage(self.story.procedure.grants_on).kind
            assert permit.act.code == f"record_{kind}"
            assert permit.act.stage is not None
            assert permit.act.stage.outcome == "signed"
        if Grant.objects.exists():
            assert self.story.fresh().state in {RequestState.IN_FORCE, RequestState.CLOSED}

    @invariant()
    def the_log_tells_every_state(self) -> None:
        request = self.story.fresh()
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
        if self.story.fresh().state in FINAL_STATES:
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
        request = self.story.fresh()
        if request.number is None or request.state in FINAL_STATES:
            return
        if request.state == RequestState.AWAITING_SIGNATURE:
            return
        assert Stage.objects.open().filter(request=request).exists()


class _Isolated(Walk):
    """Each example in a savepoint of its own, rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self._atomic = transaction.atomic()
        self._atomic._from_testcase = True  # durable blocks are allowed inside, as in a TestCase
        self._atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


@pytest.mark.long
class TestWalk(TestCase):
    def test_walk(self) -> None:
        DONE.clear()
        run_state_machine_as_test(
            _Isolated,
            settings=settings(
                max_examples=60 if deep() else 10,
                stateful_step_count=50 if deep() else 30,
                deadline=None,
                derandomize=True,  # the same walk for everyone
                suppress_health_check=list(HealthCheck),
            ),
        )
        # the walk is worth something only if it goes far
        assert DONE["issue_opinion"], DONE
        assert DONE["record_convention"], DONE
