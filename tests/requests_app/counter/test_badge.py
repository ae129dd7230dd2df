"""The figure of the menu is counted once, and dropped by acts for those whom they touch alone."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from django.test import TestCase
from django.utils import timezone

from portal.accounts import memberships, role_grants, suspension
from portal.accounts.models import (
    DeclarationOfInterests,
    Membership,
    Role,
    RoleAssignment,
    User,
)
from requests_app.counter.reading import badge, inbox
from requests_app.models import (
    AccessRequest,
    Piece,
    RapporteurAssignment,
    RequestMember,
    Stage,
    Task,
)
from requests_app.workflow import clock
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, organisation, stored_file, user
from tests.support.queries import count_queries


PEOPLE = (
    "investigator",
    "representative",
    "secretariat",
    "legal_officer",
    "operator",
    "dpo",
    "president",
    "member",
    "holder_a_rep",
    "holder_b_rep",
)


LIFE, STAMP_LIFE = badge.LIFE, badge.STAMP_LIFE


def fresh(person: User) -> User:
    return User.objects.get(pk=person.pk)


class Unreachable:
    def _fail(self, *_args: Any, **_kwargs: Any) -> Any:
        raise ConnectionError

    get_many = set_many = set = _fail


class TestBadge(TestCase):
    world: World
    before: Story
    session: Story

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()
        cls.before = cls.world.story()
        cls.session = cls.world.story().reach("opinion")
        cls.people = {name: getattr(cls.world, name) for name in PEOPLE}

    def setUp(self) -> None:
        """No count ends by itself while a test looks at it, however slow the machine."""
        for name in ("LIFE", "STAMP_LIFE"):
            self.enterContext(patch.object(badge, name, 3600))
        badge._touched.scopes.clear()  # what made this world was never committed

    def dropped(self, act: Callable[[], object], *, at_once: str = "") -> set[str]:
        """Whose kept count an act drops, once it is committed and not before."""
        for person in self.people.values():
            badge.count(fresh(person))
        with self.captureOnCommitCallbacks(execute=True):
            act()
            assert self._gone() <= {at_once}
        return self._gone()

    def _gone(self) -> set[str]:
        return {name for name, one in self.people.items() if badge.read(fresh(one)).count is None}

    def test_the_way_of_a_file_drops_the_count_of_each_whose_turn_comes_or_ends(self) -> None:
        story = self.before
        freezes = {"investigator"}  # a part in the file is what sets an official apart from it
        assert self.dropped(lambda: story.ask_signature()) == {"representative"} | freezes
        version = story.request.versions.get()

        def sign() -> None:
            story.do(
                "", "sign", by=self.world.representative, version=version, sha256=version.sha256
            )

        signed = self.dropped(sign)
        assert {"representative", "secretariat"} <= signed
        assert not signed & {"legal_officer", "member", "holder_a_rep"}
        complete = self.dropped(story.completeness)
        assert {"secretariat", "holder_a_rep", "holder_b_rep", "president", "member"} <= complete
        assert not complete & {"legal_officer", "operator", "representative"}
        remark = story.stage("holder").holder
        stages = Stage.objects.filter(request=story.request, kind="holder").exclude(holder=remark)
        story_of_b = "holder_b_rep" if remark == self.world.holder_a else "holder_a_rep"
        assert story_of_b not in self.dropped(
            lambda: story.do("holder", "file_remark", by=self._rep(story), text="Remarque.")
        )
        assert stages.exists()

    def _rep(self, story: Story) -> User:
        return self.world.holder_rep(story.stage("holder"))

    def test_what_a_member_says_changes_their_own_count_and_the_opinion_all_of_them(self) -> None:
        assert self.dropped(lambda: self.session.declare(self.world.member)) == {"member"}
        assert self.dropped(lambda: self.session.declare(self.world.president)) == {"president"}
        named = self.dropped(
            lambda: self.session.do(
                "opinion",
                "assign_rapporteurs",
                by=self.world.president,
                members=[self.world.member],
            )
        )
        assert named == {"member"}
        rows = RapporteurAssignment.objects.filter(member=self.world.member)
        assert self.dropped(lambda: rows.update(ended_at=timezone.now())) == {"member"}
        payload = self.session.opinion_payload()
        issued = self.dropped(
            lambda: self.session.do("opinion", "issue_opinion", by=self.world.president, **payload)
        )
        assert {"president", "member", "investigator"} <= issued  # theirs to answer, now
        assert not issued & {"holder_a_rep", "operator", "dpo"}

    def test_a_clock_that_ends_drops_the_counts_of_its_stage(self) -> None:
        legal_advance("40d")
        assert "president" in self.dropped(clock.run_due)

    def test_a_task_concerns_its_role_however_it_is_written(self) -> None:
        def opens() -> None:
            Task.objects.create(
                request=self.session.request,
                code="tacit_authorisation_check",
                role=Role.LEGAL_OFFICER,
                opened_at=timezone.now(),
            )

        assert self.dropped(opens) == {"legal_officer"}
        tasks = Task.objects.filter(request=self.session.request)
        assert self.dropped(lambda: tasks.update(closed_at=timezone.now())) == {"legal_officer"}

    def _place(self, story: Story, person: User) -> RequestMember:
        kind, by = RequestMember.Kind.EDITOR, self.world.investigator
        return RequestMember(request=story.request, user=person, kind=kind, added_by=by)

    def test_a_place_in_a_file_concerns_its_person_and_the_committee_that_judges_it(self) -> None:
        for story, judges in ((self.before, set()), (self.session, {"president", "member"})):
            place = self._place(story, self.world.dpo)
            assert self.dropped(place.save) == {"dpo"} | judges
            mine = RequestMember.objects.filter(pk=place.pk)
            left = self.dropped(lambda mine=mine: mine.update(removed_at=timezone.now()))
            assert left == {"dpo"} | judges

    def test_a_colleague_in_the_team_sets_a_member_apart_until_they_leave(self) -> None:
        """The count of the menu is the inbox's at each step, whoever writes (A14)."""
        other = organisation("autre-universite")
        tied = user("membre-autre", role=Role.COMMITTEE_MEMBER, scope=self.world.cesrees, of=other)
        newcomer = user("arrivant")
        place = self._place(self.session, user("venue-d-ailleurs", of=other))
        mine = RequestMember.objects.filter(user=place.user)
        asked = Membership(user=newcomer, organisation=other)

        def shown(act: Callable[[], object]) -> int:
            badge.count(fresh(tied))
            with self.captureOnCommitCallbacks(execute=True):
                act()
            kept = badge.count(fresh(tied))
            assert kept == inbox.count_for(fresh(tied))
            return kept

        assert shown(place.save) == 0
        assert shown(lambda: mine.update(removed_at=timezone.now())) == 1
        assert shown(self._place(self.session, newcomer).save) == 1
        assert shown(asked.save) == 1
        assert shown(lambda: memberships.confirm(asked, by=self.world.secretariat)) == 0
        assert shown(lambda: memberships.end(asked, by=newcomer)) == 1

    def test_whoever_has_a_part_in_the_contents_of_a_file_counts_again(self) -> None:
        """A piece handed in, a form saved: a part in the file sets an official apart from it."""
        request, dpo = self.session.request, self.world.dpo
        piece = Piece(request=request, code="autre", file=stored_file(request, by=dpo))
        assert self.dropped(piece.save) == {"dpo"}
        request.content_edited_by = dpo
        assert self.dropped(lambda: request.save(update_fields=["content_edited_by"])) == {"dpo"}
        assert self.dropped(lambda: request.save(update_fields=["updated_at"])) == set()

    def test_what_a_member_declares_of_their_interests_is_theirs_alone(self) -> None:
        declared = DeclarationOfInterests(user=self.world.member, declared_on=timezone.now())
        self.dropped(declared.save)
        tied = declared.organisations
        assert self.dropped(lambda: tied.add(self.world.university)) == {"member"}
        assert inbox.count_for(fresh(self.world.member)) == 0
        assert self.dropped(tied.clear) == {"member"}
        assert inbox.count_for(fresh(self.world.member)) == 1
        tied.add(self.world.university)
        assert self.dropped(declared.delete) == {"member"}

    def test_a_report_filed_is_no_longer_expected(self) -> None:
        member, story = self.world.member, self.session
        with self.captureOnCommitCallbacks(execute=True):
            story.declare(member, self.world.president)
            story.do("opinion", "assign_rapporteurs", by=self.world.president, members=[member])
        report = story.opinion_payload()
        report.pop("present")
        assert inbox.count_for(fresh(member)) == 1
        filing = self.dropped(lambda: story.do("opinion", "file_report", by=member, **report))
        assert filing == {"member"}
        assert inbox.count_for(fresh(member)) == 0

    def test_roles_memberships_and_closed_accounts_concern_their_person(self) -> None:
        admin, dpo = self.world.administrator, self.world.dpo
        given: list[RoleAssignment] = []
        assert self.dropped(
            lambda: given.append(role_grants.grant(to=fresh(dpo), role=Role.SECRETARIAT, by=admin)),
            at_once="dpo",  # their inbox hangs on another role
        ) == {"dpo"}
        assert self.dropped(
            lambda: role_grants.end(given[0], by=admin, reason="Fin."), at_once="dpo"
        ) == {"dpo"}
        assert self.dropped(
            lambda: suspension.suspend_person(fresh(dpo), by=admin, reason="Incident."),
            at_once="dpo",
        ) == {"dpo"}
        university = self.world.university
        assert self.dropped(
            lambda: suspension.suspend_organisation(university, by=admin, reason="Incident.")
        ) == {"representative"}
        place = Membership.objects.get(user=self.world.representative)
        assert self.dropped(lambda: memberships.end(place, by=self.world.representative)) == {
            "representative",
            "president",
            "member",
        }  # of the committee that judges a file of theirs

    def test_a_count_made_before_an_act_and_kept_after_it_is_good_for_nothing(self) -> None:
        person = self.world.secretariat
        slow = badge.read(fresh(person))
        with self.captureOnCommitCallbacks(execute=True):
            self.before.sign()
        slow.keep(41)
        assert badge.count(fresh(person)) == inbox.count_for(fresh(person)) != 41

    def test_a_page_served_twice_counts_once_and_asks_nothing_more(self) -> None:
        client = client_for(self.world.secretariat, verified=True)
        with patch.object(inbox, "count_for", wraps=inbox.count_for) as counted:
            with count_queries() as first:
                client.get("/ma-selection/")
            with count_queries() as second:
                client.get("/ma-selection/")
        assert counted.call_count == 1
        assert not [one for one in second.statements if "requests_app_stage" in one]
        assert len(second) < len(first)

    def test_the_inbox_counts_by_itself_and_the_menu_takes_it_over(self) -> None:
        person = user("secretaire-b", role=Role.SECRETARIAT)
        self.before.sign()
        badge.read(fresh(person)).keep(41)
        client = client_for(person, verified=True)
        assert "41" in page_text(client.get("/ma-selection/"))
        assert "1 dossier attend" in page_text(client.get("/a-traiter/"))
        with patch.object(inbox, "count_for") as counted:
            assert "41" not in page_text(client.get("/ma-selection/"))
        assert not counted.called

    def test_without_a_cache_each_page_counts_and_no_act_fails(self) -> None:
        client = client_for(self.world.secretariat, verified=True)
        with (
            patch.object(badge, "cache", Unreachable()),
            patch.object(inbox, "count_for", return_value=7) as counted,
        ):
            assert "7" in page_text(client.get("/ma-selection/"))
            assert "7" in page_text(client.get("/ma-selection/"))
            assert client.get("/a-traiter/").status_code == 200
            with self.captureOnCommitCallbacks(execute=True):
                self.before.sign()
        assert counted.call_count == 2
        assert AccessRequest.objects.get(pk=self.before.request.pk).number

    def test_what_is_no_count_under_its_key_is_counted_again(self) -> None:
        person = self.world.secretariat
        stamps = badge.read(person).stamps
        odd = [5, "xyz", [stamps, 3], [1, 2, 3], {"a": 1}, (stamps, "3"), (stamps,), (None, None)]
        for value in odd:
            badge.cache.set(badge._count_key(person), value, 60)
            assert badge.read(person) == badge.Kept(person, stamps), value
        client = client_for(person, verified=True)
        badge.cache.set(badge._count_key(person), "xyz", 60)
        assert client.get("/ma-selection/").status_code == 200

    def test_nothing_is_kept_for_longer_than_is_said(self) -> None:
        with patch.object(badge, "cache") as written:
            badge.Kept(self.world.secretariat, {}).keep(3)
        assert written.set.call_args.args[-1] == badge.LIFE
        assert LIFE == 15
        assert STAMP_LIFE > 2 * LIFE  # a stamp outlives each count made before it
