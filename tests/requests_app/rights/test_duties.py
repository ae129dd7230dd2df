"""Who has a part in a file does not rule on it: each verb against each tie, and each near miss."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import Invitation, Membership, Role, RoleAssignment, User
from portal.common.machine import Transition
from requests_app.counter.reading import inbox
from requests_app.models import (
    AccessRequest,
    Act,
    Piece,
    RapporteurAssignment,
    RequestMember,
    RequestVersion,
    Stage,
    Task,
)
from requests_app.permits import team
from requests_app.rights import duties, permissions, recipients
from requests_app.rights.actors import barred_from, qualifies
from requests_app.workflow import assignment, completeness_grid, engine
from requests_app.workflow.definition import REQUEST_MOVES, stage_moves
from tests.support.factories import Story, World, organisation, stored_file, user


Making = Callable[[User, AccessRequest], object]
COMMITTEE = {"president", "member", "declared_member", "rapporteur"}
ANOTHER = "cet acte revient à un autre agent"


def place(kind: str, *, removed: timedelta | None = None, access: bool = False) -> Making:
    """A place in the file; `removed`: since when it is over, counted from the first freezing."""

    def make(person: User, request: AccessRequest) -> object:
        frozen = RequestVersion.objects.filter(request=request).earliest("frozen_at").frozen_at
        return RequestMember.objects.create(
            request=request,
            user=person,
            kind=kind,
            has_data_access=access,
            added_by=request.created_by,
            removed_at=None if removed is None else frozen + removed,
        )

    return make


def membership(code: str = "", *, signs: bool = False, **fields: Any) -> Making:
    """A confirmed membership of the applicant's organisation, or of another one."""

    def make(person: User, request: AccessRequest) -> object:
        now = timezone.now()
        body = organisation(code) if code else request.organisation
        values = {"confirmed_at": now, "can_sign_since": now if signs else None} | fields
        return Membership.objects.create(user=person, organisation=body, **values)

    return make


def invitation(kind: str, **fields: Any) -> Making:
    def make(person: User, request: AccessRequest) -> object:
        values: dict[str, Any] = {
            "kind": kind,
            "email": person.email.upper(),
            "token_hash": "x",
            "request_id": request.pk,
            "invited_by": request.created_by,
            "expires_at": timezone.now() + timedelta(days=1),
        }
        return Invitation.objects.create(**(values | fields))

    return make


def written(field: str) -> Making:
    def make(person: User, request: AccessRequest) -> object:
        return AccessRequest.objects.filter(pk=request.pk).update(**{field: person})

    return make


def version(field: str) -> Making:
    def make(person: User, request: AccessRequest) -> object:
        return RequestVersion.objects.filter(request=request).update(**{field: person})

    return make


def attached(person: User, request: AccessRequest) -> object:
    piece = Piece.objects.filter(request=request).first()
    assert piece is not None
    piece.file = stored_file(request, by=person)
    piece.save()
    return piece


def represents(person: User, request: AccessRequest) -> object:
    """The applicant's organisation is a holder too, and the person its representative."""
    return RoleAssignment.objects.create(
        user=person, role=Role.HOLDER_REPRESENTATIVE, scope=request.organisation
    )


MINUTE = timedelta(minutes=1)
# What bars every office, then what bars some only.
ALWAYS: dict[str, Making] = {
    "principal investigator": place("investigator"),
    "editor": place("editor"),
    "named person": place("named"),
    "editor with access to the data": place("editor", access=True),
    "representative in the file": place("representative"),
    "left the team a minute after it was frozen": place("editor", removed=MINUTE),
    "was a named person": place("named", removed=MINUTE),
    "opened the draft": written("created_by"),
    "wrote in it last": written("content_edited_by"),
    "froze a version": version("frozen_by"),
    "attached a piece": attached,
    "signed a version": version("signed_by"),
    "may sign for the applicant": membership(signs=True),
    "could sign until now": membership(signs=True, ended_at=timezone.now() + timedelta(hours=1)),
}
SOME: dict[str, tuple[Making, frozenset[str]]] = {
    "invited as a named person": (invitation("named_person"), duties.OPERATORS),
    "colleague": (membership(), duties.HOLDERS),
    "colleague until now": (
        membership(ended_at=timezone.now() + timedelta(hours=1)),
        duties.HOLDERS,
    ),
    "represents the applicant as a holder": (represents, duties.HOLDERS),
}
NEVER: dict[str, Making] = {
    "nothing": lambda _person, _request: None,
    "left the draft before it was frozen": place("editor", removed=-MINUTE),
    "invited to the team": invitation("team"),
    "invited to represent": invitation("representative"),
    "invitation over": invitation("named_person", expires_at=timezone.now() - MINUTE),
    "invitation cancelled": invitation(
        "named_person", state="cancelled", cancelled_at=timezone.now()
    ),
    "invitation of someone else": invitation("named_person", email="autre@example.org"),
    "asked to belong, not confirmed": membership(confirmed_at=None, asks_to_sign=True),
    "left the organisation before": membership(signs=True, ended_at=timezone.now() - 400 * MINUTE),
    "signs for another organisation": membership("autre-universite", signs=True),
}


def near_miss(making: Making) -> Making:
    """The same tie to another file of another organisation."""

    def make(person: User, request: AccessRequest) -> object:
        other = AccessRequest.objects.exclude(organisation=request.organisation).get()
        return making(person, other)

    return make


@contextmanager
def undone() -> Any:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Duties(TestCase):
    """Two files under way, one official for each quality, none with a part in either."""

    story: Story
    cast: dict[str, User]

    @classmethod
    def setUpTestData(cls) -> None:
        world = World()
        cls.story = story = world.story().reach("opinion")
        story.declare()
        story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
        other = world.story()
        other.ask_signature()
        AccessRequest.objects.filter(pk=other.request.pk).update(
            organisation=organisation("autre-universite")
        )
        AccessRequest.objects.update(created_at=timezone.now() - timedelta(minutes=200))
        cls.task = Task.objects.create(
            request=story.request,
            code="tacit_authorisation_check",
            role="legal_officer",
            opened_at=timezone.now(),
        )
        cls.cast = {
            "secretariat": world.secretariat,
            "legal_officer": world.legal_officer,
            "operator": world.operator,
            "administrator": world.administrator,
            "staff": world.secretariat,
            "holder": world.holder_a_rep,
            "main_base_officer": world.officer,
            "president": world.president,
            "member": world.member,
            "declared_member": world.member,
            "rapporteur": world.member,
            "task_role": world.legal_officer,
        }

    def person(self, quality: str) -> User:
        return User.objects.get(pk=self.cast[quality].pk)

    def stages(self) -> list[Stage]:
        rows = Stage.objects.filter(request=self.story.request).select_related("request")
        return [row for row in rows if row.holder is None or row.holder.code == "holder-a"]

    def verbs(self) -> list[tuple[Transition, Any]]:
        """Every verb that a person may ask for, with its place: from the definition's tables."""
        request = self.story.fresh()
        found: list[tuple[Transition, Any]] = [
            (move, self.task if "task_role" in move.actors else request)
            for move in REQUEST_MOVES.values()
            if move.public
        ]
        for stage in self.stages():
            spec = self.story.procedure.stage(stage.code)
            found += [(move, stage) for move in stage_moves(spec).values() if move.public]
        return found

    def office(self, move: Transition) -> list[str]:
        return sorted(move.actors - duties.APPLICANT_SIDE - {"system"})

    def test_the_cast_has_each_quality_that_a_verb_names(self) -> None:
        named = {quality for move, _place in self.verbs() for quality in self.office(move)}
        named |= {"administrator", "staff", "operator"}  # of the actions beside the verbs
        assert named <= set(self.cast)
        stage = next(one for one in self.stages() if one.kind == "opinion")
        holder = next(one for one in self.stages() if one.kind == "holder")
        for quality, person in self.cast.items():
            place = holder if quality == "holder" else stage
            assert qualifies(person, quality, self.story.request, place, self.task), quality

    def test_no_verb_is_left_to_someone_with_a_part_in_the_file(self) -> None:
        ties = ALWAYS | {name: making for name, (making, _bars) in SOME.items()}
        bars = dict.fromkeys(ALWAYS, frozenset(self.cast)) | {
            name: qualities for name, (_making, qualities) in SOME.items()
        }
        verbs, tried, wrong = self.verbs(), 0, []
        for quality in sorted({q for move, _place in verbs for q in self.office(move)}):
            mine = [(move, place) for move, place in verbs if quality in move.actors]
            for name, making in ties.items():
                with undone():
                    person = self.person(quality)
                    making(person, self.story.request)
                    applicant = permissions.in_team(person, self.story.request)
                    # a committee member has no colleague in the file either (A14)
                    barred = quality in bars[name] or (quality in COMMITTEE and name == "colleague")
                    for move, spot in mine:
                        tried += 1
                        may = permissions.can(person, move.name, spot)
                        theirs = applicant and "team" in move.actors
                        if may != (theirs or not barred):
                            wrong.append((move.name, quality, name))
        assert not wrong
        assert tried > 300

    def test_near_misses_act_as_before(self) -> None:
        wrong = []
        misses = NEVER | {
            f"{name}, of another file": near_miss(one) for name, one in ALWAYS.items()
        }
        for quality in sorted(set(self.cast) - {"staff", "rapporteur", "task_role"}):
            for name, making in misses.items():
                with undone():
                    person = self.person(quality)
                    making(person, self.story.request)
                    if duties.apart(person, self.story.request, quality) is not None:
                        wrong.append((quality, name))
        assert not wrong

    def test_other_actions_are_refused_as_the_verbs_are(self) -> None:
        for name in permissions.actions():
            qualities, _further = permissions._ACTIONS[name]
            for quality in qualities - duties.APPLICANT_SIDE - {"system"}:
                with undone():
                    person = self.person(quality)
                    place("named")(person, self.story.request)
                    spot = self.task if quality == "task_role" else self.story.request
                    assert not permissions.can(person, name, spot), (name, quality)

    def test_the_engine_refuses_with_the_reason_and_who_may_instead(self) -> None:
        for person in {one.pk: one for one in self.cast.values()}.values():
            place("editor", removed=MINUTE if person.pk == self.cast["holder"].pk else None)(
                person, self.story.request
            )
        for stage in self.stages():
            spec = self.story.procedure.stage(stage.code)
            for move in stage_moves(spec).values():
                for quality in self.office(move):
                    person = self.person(quality)
                    if Act.objects.filter(stage=stage, code=move.name, entered_by=person).exists():
                        continue  # a second click on what they did before changes nothing
                    with pytest.raises(engine.NotAllowed) as refused:
                        engine.apply(stage, move.name, by=person)
                    if quality not in COMMITTEE:  # to them the file is closed without a word (A14)
                        assert ANOTHER in str(refused.value), move.name
                        assert "de l’équipe de ce dossier" in str(refused.value)

    def test_every_tie_says_what_it_is(self) -> None:
        said = set()
        for making in [*ALWAYS.values(), *(one for one, _bars in SOME.values())]:
            with undone():
                person = self.person("main_base_officer")
                making(person, self.story.request)
                why = duties.why_apart(person, self.story.request, "main_base_officer")
                assert why.endswith(f"{ANOTHER} (un autre correspondant de la base principale).")
                said.add(why)
        assert len(said) == len(duties.TIES) + 1  # and the invitation

    def test_the_inbox_lists_no_stage_of_ones_own_file(self) -> None:
        holder = {"holder": "colleague", "secretariat": "named person"}
        Stage.objects.filter(request=self.story.request, kind__in=["referral", "holder"]).update(
            state="running", outcome="", started_at=timezone.now(), ended_at=None
        )
        for quality, name in holder.items():
            with undone():
                person = self.person(quality)
                assert inbox.count_for(person) == 1
                making = ALWAYS.get(name) or SOME[name][0]
                making(person, self.story.request)
                assert not inbox.stages_for(person).exists()
                assert inbox.count_for(person) == 0
        with undone():
            lawyer = self.person("legal_officer")
            assert inbox.tasks_for(lawyer).exists()
            place("editor", removed=MINUTE)(lawyer, self.story.request)
            assert not inbox.tasks_for(lawyer).exists()

    def test_whoever_has_a_part_is_not_told_as_an_official(self) -> None:
        world, request = self.story.world, self.story.request
        stage = Stage.objects.get(request=request, kind="referral")
        second = user("secretariat-2", role=Role.SECRETARIAT)
        place("editor", removed=MINUTE)(world.secretariat, request)
        assert list(recipients.of_stage(stage)) == [second]
        assert list(recipients.office(request, Role.SECRETARIAT)) == [second]
        assert set(recipients.with_role(Role.SECRETARIAT)) == {second, world.secretariat}
        stage.assignee = world.secretariat  # given to them before
        assert list(recipients.of_stage(stage)) == [second]
        holder = Stage.objects.get(request=request, holder=world.holder_a)
        membership()(world.holder_a_rep, request)
        assert list(recipients.of_stage(holder)) == []
        assert world.holder_a_rep not in recipients.data_holders(request)
        assert world.holder_b_rep in recipients.data_holders(request)

    def test_the_desk_gives_no_stage_to_someone_with_a_part(self) -> None:
        world, request = self.story.world, self.story.request
        second = user("secretariat-2", role=Role.SECRETARIAT)
        stage = Stage.objects.get(request=request, kind="referral")
        Stage.objects.filter(pk=stage.pk).update(state="running", started_at=timezone.now())
        assert set(assignment.colleagues("secretariat", request)) == {second, world.secretariat}
        place("named")(second, request)
        assert list(assignment.colleagues("secretariat", request)) == [world.secretariat]
        with pytest.raises(assignment.DeskRefused, match="est partie à ce dossier"):
            assignment.assign(stage, to=second, by=world.secretariat)
        with pytest.raises(assignment.DeskRefused, match=ANOTHER):
            assignment.assign(stage, to=world.secretariat, by=second)
        with pytest.raises(assignment.DeskRefused, match=ANOTHER):
            assignment.add_note(request, text="Ma note.", by=second)
        piece = Piece.objects.filter(request=request)[0]
        with pytest.raises(assignment.DeskRefused, match=ANOTHER):
            completeness_grid.review_pieces(request, {piece.pk: ("to_mend", "")}, by=second)
        assignment.assign(stage, to=world.secretariat, by=world.secretariat)

    def test_a_committee_names_nobody_with_a_part(self) -> None:
        world = self.story.world
        other = user("membre-2", role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
        self.story.declare(other)
        attached(other, self.story.request)
        with pytest.raises(engine.TransitionRefused, match="ne siège pas"):
            self.story.do("opinion", "assign_rapporteurs", by=world.president, members=[other])
        payload = self.story.opinion_payload() | {"present": [other]}
        with pytest.raises(engine.TransitionRefused, match="ne siège pas"):
            self.story.do("opinion", "issue_opinion", by=world.president, **payload)

    def test_who_has_ruled_does_not_join_afterwards(self) -> None:
        """The other order: act first, accept the invitation a minute later."""
        world, request = self.story.world, self.story.request
        assert Act.objects.filter(request=request, entered_by=world.secretariat).exists()
        for person, ruled in ((world.secretariat, True), (world.legal_officer, False)):
            assert permissions.has_ruled(person, request) is ruled
        assert (
            permissions.has_ruled(world.representative, request) is False
        )  # signing is not ruling
        reporter = RapporteurAssignment.objects.get(stage__request=request).member
        report = self.story.opinion_payload()
        report.pop("present")
        self.story.do("opinion", "file_report", by=reporter, **report)
        assert permissions.has_ruled(reporter, request)
        sent = invitation("team", email=world.secretariat.email, invited_by=world.investigator)(
            world.secretariat, request
        )
        with pytest.raises(team.invitations.InvitationUnusable, match="Vous avez instruit"):
            team.on_accepted(invitation=sent, user=world.secretariat)
        assert not RequestMember.objects.filter(user=world.secretariat).exists()
        team.on_accepted(invitation=sent, user=world.legal_officer)
        assert RequestMember.objects.filter(user=world.legal_officer).exists()

    def test_sets_and_pairs_agree_person_by_person(self) -> None:
        """The three readings of one list, for the whole cast and everyone of the file."""
        requests = list(AccessRequest.objects.all())
        people = {one.pk: one for one in User.objects.all()}
        membership()(self.person("holder"), self.story.request)
        invitation("named_person")(self.person("operator"), self.story.request)
        place("editor", removed=MINUTE)(self.person("secretariat"), self.story.request)
        seen = 0
        for quality in ("", "operator", "holder", "main_base_officer"):
            for one in requests:
                found = set(duties.people_apart(one, quality).values_list("pk", flat=True))
                due = {pk for pk, p in people.items() if duties.apart(p, one, quality)}
                assert found == due, quality
                seen += len(found)
            for person in people.values():
                own = AccessRequest.objects.filter(duties.set_apart(person, quality))
                assert set(own) == {one for one in requests if duties.apart(person, one, quality)}
                barred = set(AccessRequest.objects.filter(barred_from(person, quality or "staff")))
                assert barred == {
                    one
                    for one in requests
                    if permissions.is_barred(person, one, quality or "staff")
                }
        assert seen > 20
