"""Who may do what: one table for all verbs, with the near misses; the engine refuses the rest."""

from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import Membership, Role, RoleAssignment, User
from requests_app.models import AccessRequest, RequestMember, Stage, Task
from requests_app.procedures.kinds import KINDS
from requests_app.rights import permissions
from requests_app.workflow import engine
from requests_app.workflow.abilities import abilities, who_must_act
from requests_app.workflow.definition import REQUEST_MOVES, stage_moves
from tests.support.factories import Story, World, organisation, user


# verb -> people who may; everyone else in `people()` may not
MATRIX: dict[str, set[str]] = {
    "ask_signature": {"investigator", "editor"},
    "send_completion": {"investigator", "editor"},
    "cancel_signature": {"investigator", "editor"},
    "sign": {"representative"},
    "deposit_paper": {"investigator", "editor"},
    "verify_signature": {"secretariat"},
    "refuse_signature": {"secretariat"},
    "contest_signature": {"representative"},
    "withdraw": {"investigator", "editor"},
    "close_task": {"legal_officer"},
    "correct_act": {"secretariat", "legal_officer"},
    "accept_completeness": {"secretariat"},
    "request_completion": {"secretariat"},
    "redirect": {"secretariat"},
    "close_incomplete": {"secretariat"},
    "file_remark": {"holder_a_rep"},
    "file_no_remark": {"holder_a_rep"},
    "declare_interest": {"president", "member", "undeclared_president"},
    "withdraw_member": {"president"},
    "assign_rapporteurs": {"president"},
    "file_report": {"member"},
    "extend_opinion": {"president"},
    "issue_opinion": {"president"},
    "file_late_opinion": {"president"},
    "answer_points": {"investigator", "editor"},
    "record_referral": {"secretariat"},
    "record_receipt": {"legal_officer"},
    "record_extension": {"legal_officer"},
    "record_authorisation": {"legal_officer"},
    "record_refusal": {"legal_officer"},
    "publish_register": {"secretariat"},
    "record_convention": {"legal_officer"},
    "confirm_extract": {"operator", "officer"},
    "reopen_extract": set(),
    "finish_opening": set(),
    "finish_use": set(),
    "expire": set(),
    "close": {"secretariat"},
}
OTHER_ACTIONS: dict[str, set[str]] = {
    "edit": set(),  # not while the file is examined
    "upload_piece": set(),
    "manage_team": {"investigator", "editor"},
    "remove_person": {"investigator", "operator"},
    "review_piece": set(),
    "assign": {"secretariat"},
    "write_note": {"secretariat", "legal_officer"},
    "mark_answers": {"secretariat", "legal_officer"},
    "suspend": {"operator"},
    "resume": {"operator"},
    "revoke": {"operator"},
    "retry": {"operator"},
    "hold": {"operator"},
    "prepare_extract": {"operator"},
    "give_reason": {"administrator"},
}


def people(world: World, request: AccessRequest) -> dict[str, User]:
    """Each part, and beside it someone who nearly has it."""
    found = {
        name: getattr(world, name)
        for name in (
            "investigator",
            "representative",
            "named",
            "secretariat",
            "legal_officer",
            "operator",
            "dpo",
            "auditor",
            "administrator",
            "president",
            "member",
            "tied_member",
            "holder_a_rep",
            "holder_b_rep",
            "officer",
        )
    }
    now = timezone.now()
    found["editor"] = user("redacteur")
    found["removed_editor"] = user("redacteur-retire")
    for name in ("editor", "removed_editor"):
        RequestMember.objects.create(
            request=request,
            user=found[name],
            kind="editor",
            added_by=world.investigator,
            removed_at=now if name == "removed_editor" else None,
        )
    found["other_signatory"] = user("autre", of=organisation("autre-universite"), signs=True)
    found["former_signatory"] = user("ancien-signataire")
    Membership.objects.create(
        user=found["former_signatory"],
        organisation=world.university,
        confirmed_at=now,
        can_sign_since=now,
        ended_at=now,
    )
    other = organisation("autre-comite", "committee")
    found["other_president"] = user("autre-presidente", role=Role.PRESIDENT, scope=other)
    found["undeclared_president"] = user("vice", role=Role.PRESIDENT, scope=world.cesrees)
    found["former_secretary"] = user("ancien", role=Role.SECRETARIAT)
    RoleAssignment.objects.filter(user=found["former_secretary"]).update(ended_at=now)
    found["inactive_officer"] = user("inactif", role=Role.LEGAL_OFFICER)
    User.objects.filter(pk=found["inactive_officer"].pk).update(is_active=False)
    found["staff"] = user("staff")
    User.objects.filter(pk=found["staff"].pk).update(is_staff=True, is_superuser=True)
    found["nobody"] = user("personne")
    return {name: User.objects.get(pk=one.pk) for name, one in found.items()}


class TestMatrix(TestCase):
    story: Story
    people: dict[str, User]

    @classmethod
    def setUpTestData(cls) -> None:
        world = World()
        cls.story = world.story()
        cls.people = people(world, cls.story.request)
        cls.story.sign()
        cls.story.completeness()
        cls.story.declare()
        cls.story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])

    def _stages(self) -> dict[str, Stage]:
        rows = Stage.objects.filter(request=self.story.request)
        return {
            row.code: row for row in rows if row.holder is None or row.holder.code == "holder-a"
        }

    def test_every_verb_and_every_person(self) -> None:
        stages, tried, wrong = self._stages(), set(), []
        request = self.story.fresh()
        task = Task.objects.create(
            request=request,
            code="tacit_authorisation_check",
            role="legal_officer",
            opened_at=timezone.now(),
        )
        places: list[tuple[str, Any]] = [
            (name, task if name == "close_task" else request)
            for name, move in REQUEST_MOVES.items()
            if move.public
        ]
        for stage in stages.values():
            spec = self.story.procedure.stage(stage.code)
            places += [(name, stage) for name in stage_moves(spec)]
        for name, place in places:
            tried.add(name)
            for who, person in self.people.items():
                if permissions.can(person, name, place) != (who in MATRIX[name]):
                    wrong.append((name, who))
        assert not wrong
        assert tried == set(MATRIX)

    def test_every_other_action_and_every_person(self) -> None:
        request = self.story.fresh()
        wrong = [
            (name, who)
            for name, able in OTHER_ACTIONS.items()
            for who, person in self.people.items()
            if permissions.can(person, name, request) != (who in able)
        ]
        assert not wrong
        mine = {stage.kind for stage in self.story.procedure.stages}
        elsewhere = {  # of kinds that this procedure has no stage of
            move.name for code, kind in KINDS.items() if code not in mine for move in kind.moves
        }
        assert set(permissions.actions()) == set(MATRIX) | set(OTHER_ACTIONS) | elsewhere

    def test_the_engine_refuses_everyone_else(self) -> None:
        """Without a look at guards: whoever is not an actor is not allowed, whatever they send."""
        for stage in self._stages().values():
            spec = self.story.procedure.stage(stage.code)
            if stage.state != "running":
                continue
            for name in stage_moves(spec):
                for who, person in self.people.items():
                    if who in MATRIX[name]:
                        continue
                    with pytest.raises(engine.NotAllowed):
                        engine.apply(stage, name, by=person)

    def test_abilities_are_within_the_matrix(self) -> None:
        request = self.story.fresh()
        for who, person in self.people.items():
            for one in abilities(request, user=person):
                if who != "holder_b_rep":  # the other stage's holder
                    assert who in MATRIX[one.name], (who, one.name)
        offered = {one.name for one in abilities(request, user=self.people["president"])}
        assert {"issue_opinion", "extend_opinion", "assign_rapporteurs"} <= offered
        assert {one.name for one in abilities(request, user=self.people["investigator"])} == {
            "withdraw"
        }

    def test_who_must_act(self) -> None:
        waiting = who_must_act(self.story.fresh())
        assert [one.who for one in waiting] == [
            "Organisme holder-a",
            "Organisme holder-b",
            "Organisme cesrees",
        ]
        assert all(one.due_at for one in waiting)

    def test_an_unknown_action_is_a_fault(self) -> None:
        with pytest.raises(LookupError):
            permissions.can(self.people["auditor"], "approve", self.story.request)


@pytest.mark.django_db
def test_editing_follows_the_state() -> None:
    world = World()
    story = world.story()
    may = [("draft", permissions.can(world.investigator, "edit", story.request))]
    for code in ("completeness", "opinion", "answer", "referral"):
        other = world.story().reach(code)
        may.append((code, permissions.can(world.investigator, "edit", other.fresh())))
    assert may == [
        ("draft", True),
        ("completeness", False),
        ("opinion", False),
        ("answer", True),
        ("referral", False),
    ]
    assert not permissions.can(world.representative, "edit", story.request)


@pytest.mark.django_db
def test_a_reason_opens_a_file_to_an_administrator_for_an_hour_and_is_logged() -> None:
    from portal.audit.models import AuditEvent

    world = World()
    request = world.draft()
    assert permissions.parts_visible(world.administrator, request) == {"status"}
    with pytest.raises(ValueError, match="motif"):
        permissions.give_reason(world.administrator, request, reason=" ")
    with pytest.raises(PermissionError):
        permissions.give_reason(world.secretariat, request, reason="Curiosité.")
    permissions.give_reason(world.administrator, request, reason="Incident 42.")
    assert "content" in permissions.parts_visible(world.administrator, request)
    event = AuditEvent.objects.get(action="request.reasoned_access")
    assert event.about == request.pk
    assert event.text.text == "Incident 42."
