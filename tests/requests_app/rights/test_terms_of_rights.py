"""Each term of who is an actor, and of who sees which part, taken alone: without it, it is no."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import Membership, Organisation, Role, RoleAssignment, User
from requests_app.models import (
    AccessRequest,
    InterestDeclaration,
    Opinion,
    Permit,
    RapporteurAssignment,
    ReasonedAccess,
    RequestDataset,
    RequestMember,
    RequestState,
    RequestVersion,
    Stage,
    Task,
)
from requests_app.rights import permissions
from requests_app.rights.actors import qualifies
from tests.requests_app.permits.test_terms_of_access import undone
from tests.support.factories import Story, World, organisation, user


Toggle = Callable[[], object]


def role(who: User, **change: Any) -> Toggle:
    return lambda: RoleAssignment.objects.filter(user=who).update(**change)


def member(who: User, **change: Any) -> Toggle:
    return lambda: RequestMember.objects.filter(user=who).update(**change)


def belongs(who: User, **change: Any) -> Toggle:
    return lambda: Membership.objects.filter(user=who).update(**change)


def declared(who: User, **change: Any) -> Toggle:
    return lambda: InterestDeclaration.objects.filter(member=who).update(**change)


class Rights(TestCase):
    """A file before the committee, another beside it, and the right person for each quality."""

    story: Story
    world: World

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = world = World()
        cls.story = story = world.story().reach("opinion")
        story.declare()
        story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
        cls.elsewhere = world.draft()
        cls.stranger = user("tiers")
        cls.other_body = organisation("autre-organisme", "holder")
        cls.task = Task.objects.create(
            request=story.request,
            code="tacit_authorisation_check",
            role="legal_officer",
            opened_at=timezone.now(),
        )
        RequestMember.objects.filter(request=cls.elsewhere).delete()

    def closed(self, who: User) -> Toggle:
        return lambda: User.objects.filter(pk=who.pk).update(is_active=False)

    def stage(self, kind: str) -> Stage:
        stages = Stage.objects.filter(request=self.story.request, kind=kind)
        found = stages.exclude(holder=self.world.holder_b).first()
        assert found is not None
        return found

    def each(self, toggles: dict[str, Toggle], holds: Callable[[], bool]) -> None:
        assert holds(), "nothing is proved: the predicate does not hold to begin with"
        kept = []
        for name, toggle in toggles.items():
            with undone():
                toggle()
                if holds():
                    kept.append(name)
        assert not kept

    def acts(self, who: User, quality: str, kind: str = "opinion") -> Callable[[], bool]:
        def holds() -> bool:
            request = AccessRequest.objects.get(pk=self.story.request.pk)
            person = User.objects.get(pk=who.pk)
            task = Task.objects.get(pk=self.task.pk)
            return qualifies(person, quality, request, self.stage(kind), task)

        return holds

    # --- actors ---

    def test_each_term_of_the_team(self) -> None:
        who = self.world.investigator
        now = timezone.now()
        toggles = {
            "removed": member(who, removed_at=now),
            "of another file": member(who, request=self.elsewhere),
            "a named person": member(who, kind="named"),
            "a representative": member(who, kind="representative"),
            "somebody else": member(who, user=self.stranger),
            "closed account": self.closed(who),
        }
        self.each(toggles, self.acts(who, "team"))
        self.each(toggles, self.acts(who, "investigator"))
        self.each({"an editor": member(who, kind="editor")}, self.acts(who, "investigator"))

    def test_each_term_of_the_signatory(self) -> None:
        who, now = self.world.representative, timezone.now()
        self.each(
            {
                "not confirmed": belongs(who, confirmed_at=None, can_sign_since=None),
                "without the capacity": belongs(who, can_sign_since=None),
                "ended": belongs(who, ended_at=now),
                "of another organisation": belongs(who, organisation=self.other_body),
                "somebody else": belongs(who, user=self.stranger),
                "organisation suspended": lambda: Organisation.objects.update(suspended_at=now),
                "closed account": self.closed(who),
            },
            self.acts(who, "signatory"),
        )

    def test_each_term_of_a_role_of_the_site(self) -> None:
        for quality, name in (
            ("secretariat", "secretariat"),
            ("legal_officer", "legal_officer"),
            ("operator", "operator"),
            ("administrator", "administrator"),
            ("staff", "secretariat"),
            ("staff", "legal_officer"),
            ("task_role", "legal_officer"),
        ):
            who = getattr(self.world, name)
            self.each(
                {
                    "ended": role(who, ended_at=timezone.now()),
                    "another role": role(who, role=Role.AUDITOR),
                    "somebody else's": role(who, user=self.stranger),
                    "closed account": self.closed(who),
                },
                self.acts(who, quality),
            )
        self.each(
            {"of another role": lambda: Task.objects.update(role="secretariat")},
            self.acts(self.world.legal_officer, "task_role"),
        )

    def test_each_term_of_a_holder(self) -> None:
        who = self.world.holder_a_rep
        self.each(
            {
                "ended": role(who, ended_at=timezone.now()),
                "of another holder": role(who, scope=self.other_body),
                "another role": role(who, role=Role.MAIN_BASE_OFFICER),
                "another holder's stage": lambda: Stage.objects.filter(
                    holder=self.world.holder_a
                ).update(holder=self.other_body),
            },
            self.acts(who, "holder", "holder"),
        )
        assert not self.acts(who, "holder", "opinion")()

    def test_each_term_of_the_main_base(self) -> None:
        who = self.world.officer
        rows = RequestDataset.objects.filter(request=self.story.request)
        main = self.world.main_base
        self.each(
            {
                "not the main base": lambda: type(main).objects.update(kind="catalogue"),
                "of another holder": role(who, scope=self.other_body),
                "another role": role(who, role=Role.HOLDER_REPRESENTATIVE),
                "not asked for": lambda: rows.filter(dataset=main).delete(),
                "asked for elsewhere": lambda: [
                    RequestDataset.objects.filter(request=self.elsewhere).delete(),
                    rows.update(request=self.elsewhere),
                ],
            },
            self.acts(who, "main_base_officer"),
        )

    def test_each_term_of_a_committee(self) -> None:
        world, now = self.world, timezone.now()
        other = organisation("autre-comite", "committee")
        for who, qualities in (
            (world.president, ("president", "member")),
            (world.member, ("member", "rapporteur")),
        ):
            for quality in qualities:
                self.each(
                    {
                        "ended": role(who, ended_at=now),
                        "of another committee": role(who, scope=other),
                        "the stage is another committee's": lambda: Stage.objects.update(
                            committee=other
                        ),
                    },
                    self.acts(who, quality),
                )
        for who, quality in ((world.president, "president"), (world.member, "rapporteur")):
            self.each(
                {
                    "withdrew": declared(who, answer="withdrawn"),
                    "did not declare": lambda who=who: declared_rows(who).delete(),
                    "declared elsewhere": declared(who, request=self.elsewhere),
                    "somebody else declared": declared(who, member=self.stranger),
                },
                self.acts(who, quality),
            )
        self.each(
            {"a member": role(world.president, role=Role.COMMITTEE_MEMBER)},
            self.acts(world.president, "president"),
        )
        reporters = RapporteurAssignment.objects
        self.each(
            {
                "discharged": lambda: reporters.update(ended_at=now),
                "of another stage": lambda: reporters.update(stage=self.stage("holder")),
                "somebody else": lambda: reporters.update(member=world.president),
            },
            self.acts(world.member, "rapporteur"),
        )

    def test_each_term_of_what_pages_ask_directly(self) -> None:
        """The team and the signatory are asked without the list of qualities too."""

        def asked(rule: Callable[[Any, AccessRequest], bool], who: User) -> Callable[[], bool]:
            return lambda: rule(User.objects.get(pk=who.pk), self.story.request)

        for rule, who in (
            (permissions.in_team, self.world.investigator),
            (permissions.is_signatory, self.world.representative),
        ):
            self.each({"closed account": self.closed(who)}, asked(rule, who))
            assert not rule(AnonymousUser(), self.story.request)

    def test_the_system_is_nobody_and_nobody_else(self) -> None:
        request = self.story.request
        assert qualifies(None, "system", request)
        assert not qualifies(None, "secretariat", request)
        assert not qualifies(self.world.secretariat, "system", request)
        assert not qualifies(AnonymousUser(), "secretariat", request)  # type: ignore[arg-type]
        assert not qualifies(self.world.holder_a_rep, "holder", request)  # of no stage
        assert not qualifies(self.world.legal_officer, "task_role", request)  # of no task

    def test_each_term_of_a_membership_that_counts(self) -> None:
        who, now = self.world.investigator, timezone.now()
        self.each(
            {
                "not confirmed": belongs(who, confirmed_at=None),
                "ended": belongs(who, ended_at=now),
                "somebody else's": belongs(who, user=self.stranger),
            },
            lambda: Membership.objects.confirmed().filter(user=who).exists(),
        )

    # --- parts ---

    def sees(self, who: User, part: str) -> Callable[[], bool]:
        """The set's answer and the object's, which must agree."""

        def holds() -> bool:
            request = AccessRequest.objects.get(pk=self.story.request.pk)
            person = User.objects.get(pk=who.pk)
            found = part in permissions.parts_visible(person, request)
            assert found is permissions.requests_with(person, part).filter(pk=request.pk).exists()
            return found

        return holds

    def test_who_left_one_file_and_is_of_another_sees_the_other_alone(self) -> None:
        """Whoever has no part left in any file is asked for none: that proves nothing of one."""
        who, now = self.world.investigator, timezone.now()
        RequestMember.objects.create(
            request=self.elsewhere, user=who, kind="investigator", added_by=who
        )
        mine = RequestMember.objects.filter(user=who, request=self.story.request)
        self.each(
            {
                "removed": lambda: mine.update(removed_at=now),
                "named only": lambda: mine.update(kind="named"),
            },
            self.sees(who, "content"),
        )

    def draft(self) -> object:
        return AccessRequest.objects.filter(pk=self.story.request.pk).update(
            number=None, state=RequestState.DRAFT
        )

    def test_each_term_of_what_the_applicants_side_sees(self) -> None:
        world, now = self.world, timezone.now()
        for who, part, more in (
            (world.investigator, "content", {"named only": {"kind": "named"}}),
            (world.named, "own_grant", {"no access": {"kind": "editor", "has_data_access": False}}),
            (world.representative, "version_to_sign", {}),
        ):
            toggles = {
                "removed": member(who, removed_at=now),
                "of another file": member(who, request=self.elsewhere),
                "somebody else": member(who, user=self.stranger),
                "closed account": self.closed(who),
            } | {name: member(who, **fields) for name, fields in more.items()}
            if part == "version_to_sign":  # they signed it: seen as signatory too
                RequestVersion.objects.filter(signed_by=who).update(signed_by=None)
            self.each(toggles, self.sees(who, part))
        stage = self.stage("opinion")
        opinion = Opinion.objects.create(
            request=self.story.request,
            stage=stage,
            version=self.story.request.versions.latest("number"),
            number="AV-1",
            issued_at=now,
        )
        self.each(
            {
                "not given yet": opinion.delete,
                "removed": member(world.investigator, removed_at=now),
            },
            self.sees(world.investigator, "opinion"),
        )

    def test_each_term_of_what_a_signatory_sees(self) -> None:
        who, now = self.world.representative, timezone.now()
        RequestMember.objects.filter(user=who).delete()
        versions = RequestVersion.objects.filter(request=self.story.request)
        assert self.sees(who, "version_to_sign")()  # they signed it
        versions.update(signed_by=None)
        assert not self.sees(who, "version_to_sign")()
        versions.update(status="awaiting")
        self.each(
            {
                "signed by another": lambda: versions.update(status="signed", signed_at=now),
                "cancelled": lambda: versions.update(status="cancelled"),
                "of another file": lambda: versions.update(request=self.elsewhere),
                "not confirmed": belongs(who, confirmed_at=None, can_sign_since=None),
                "without the capacity": belongs(who, can_sign_since=None),
                "ended": belongs(who, ended_at=now),
                "of another organisation": belongs(who, organisation=self.other_body),
            },
            self.sees(who, "version_to_sign"),
        )

    def test_each_term_of_what_an_office_sees(self) -> None:
        world, now = self.world, timezone.now()
        for who, part, deposited in (
            (world.secretariat, "notes", True),
            (world.legal_officer, "notes", True),
            (world.dpo, "full_log", True),
            (world.auditor, "full_log", False),
            (world.administrator, "status", False),
        ):
            toggles = {
                "ended": role(who, ended_at=now),
                "somebody else's": role(who, user=self.stranger),
                "closed account": self.closed(who),
            }
            toggles |= {"a draft": self.draft} if deposited else {}
            if part != "status":
                toggles["a part in the file"] = lambda who=who: RequestMember.objects.create(
                    request=self.story.request, user=who, kind="named", added_by=who
                )
            self.each(toggles, self.sees(who, part))
        permissions.give_reason(world.administrator, self.story.request, reason="Incident.")
        reasons = ReasonedAccess.objects
        self.each(
            {
                "over": lambda: reasons.update(granted_at=now, expires_at=now),
                "of another file": lambda: reasons.update(request=self.elsewhere),
                "somebody else's": lambda: reasons.update(user=self.stranger),
                "not an administrator": role(world.administrator, role=Role.OPERATOR),
            },
            self.sees(world.administrator, "content"),
        )

    def test_each_term_of_what_an_operator_sees(self) -> None:
        who, stages = self.world.operator, Stage.objects.filter(request=self.story.request)
        now = timezone.now()
        assert not self.sees(who, "grants")()
        for kind in ("extract", "opening"):
            with undone():
                stages.filter(kind=kind).update(state="running", started_at=now)
                self.each(
                    {
                        "not begun": lambda: stages.update(state="pending"),
                        "skipped": lambda: stages.update(state="skipped", ended_at=now),
                        "of another kind": lambda: stages.update(kind="closure"),
                    },
                    self.sees(who, "grants"),
                )
        act = self.story.request.acts.first()
        Permit.objects.create(
            request=self.story.request,
            number=1,
            act=act,
            request_version=self.story.request.versions.latest("number"),
            scope=[],
            delivery_mode="daughter_system",
            starts_at=now,
            expires_at=now + timedelta(days=1),
        )
        self.each(
            {"of another file": lambda: Permit.objects.update(request=self.elsewhere)},
            self.sees(who, "grants"),
        )

    def test_each_term_of_what_those_outside_see(self) -> None:
        world, now = self.world, timezone.now()
        stages = Stage.objects.filter(request=self.story.request)
        self.each(
            {
                "not begun": lambda: stages.filter(kind="holder").update(state="pending"),
                "another holder's": role(world.holder_a_rep, scope=self.other_body),
                "ended": role(world.holder_a_rep, ended_at=now),
                "a colleague": lambda: Membership.objects.create(
                    user=world.holder_a_rep, organisation=world.university, confirmed_at=now
                ),
            },
            self.sees(world.holder_a_rep, "own_remark"),
        )
        stages.filter(kind="convention").update(state="running", started_at=now)
        self.each(
            {
                "not authorised yet": lambda: stages.filter(kind="convention").update(
                    state="pending"
                ),
                "another holder's": role(world.officer, scope=self.other_body),
                "not the main base": lambda: type(world.main_base).objects.update(kind="catalogue"),
            },
            self.sees(world.officer, "content"),
        )
        for who, part in ((world.member, "reports"), (world.president, "interests")):
            self.each(
                {
                    "not referred": lambda: stages.filter(kind="opinion").update(state="pending"),
                    "withdrew": declared(who, answer="withdrawn"),
                    "did not declare": lambda who=who: declared_rows(who).delete(),
                    "declared elsewhere": declared(who, request=self.elsewhere),
                    "ended": role(who, ended_at=now),
                    "of the organisation": lambda who=who: Membership.objects.create(
                        user=who, organisation=world.university, confirmed_at=now
                    ),
                },
                self.sees(who, part),
            )
        self.each(
            {"a member": role(world.president, role=Role.COMMITTEE_MEMBER)},
            self.sees(world.president, "interests"),
        )

    def test_each_term_of_a_colleague_who_hides_a_file(self) -> None:
        """A member stands down where somebody of the file works beside them now (A14)."""
        world, now = self.world, timezone.now()
        laboratory = organisation("laboratoire")
        for one in (world.member, world.named):
            Membership.objects.create(user=one, organisation=laboratory, confirmed_at=now)
        for who in (world.member, world.named):
            mine = Membership.objects.filter(user=who, organisation=laboratory)
            self.each(
                {
                    "not confirmed": lambda mine=mine: mine.update(confirmed_at=None),
                    "ended": lambda mine=mine: mine.update(ended_at=now),
                    "of another": lambda mine=mine: mine.update(organisation=self.other_body),
                },
                self._hidden,
            )
        self.each(
            {
                "removed": member(world.named, removed_at=now),
                "of another file": member(world.named, request=self.elsewhere),
                "a committee": lambda: Organisation.objects.filter(pk=laboratory.pk).update(
                    kind="committee"
                ),
            },
            self._hidden,
        )

    def _hidden(self) -> bool:
        person = User.objects.get(pk=self.world.member.pk)
        return permissions.is_conflicted(person, self.story.request)


def declared_rows(who: User) -> Any:
    return InterestDeclaration.objects.filter(member=who)
