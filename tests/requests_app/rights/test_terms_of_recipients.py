"""Each term of who is told, taken alone: without it, they are not."""

from collections.abc import Callable, Iterable

from django.test import TestCase
from django.utils import timezone

from portal.accounts.models import Membership, Organisation, Role, User
from requests_app.models import AccessRequest, RequestDataset, RequestMember, Stage
from requests_app.rights import recipients
from tests.requests_app.permits.test_terms_of_access import undone
from tests.requests_app.rights.test_terms_of_rights import Toggle, belongs, member, role
from tests.support.factories import Story, World, organisation, user


class Recipients(TestCase):
    """A file at its completeness check, and everyone who may hear of it."""

    story: Story
    world: World

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = world = World()
        cls.story = story = world.story()
        story.sign()
        for one in (world.secretariat, world.holder_a_rep, world.officer):
            assert one.pk
        cls.other_body = organisation("autre-organisme", "holder")
        cls.stranger = user("tiers")
        cls.elsewhere = world.draft()
        RequestMember.objects.filter(request=cls.elsewhere).delete()

    def request(self) -> AccessRequest:
        return AccessRequest.objects.get(pk=self.story.request.pk)

    def told(
        self, who: User, found: Callable[[AccessRequest], Iterable[User]]
    ) -> Callable[[], bool]:
        return lambda: who.pk in {one.pk for one in found(self.request())}

    def each(self, toggles: dict[str, Toggle], holds: Callable[[], bool]) -> None:
        assert holds(), "nothing is proved: they are not told to begin with"
        kept = []
        for name, toggle in toggles.items():
            with undone():
                toggle()
                if holds():
                    kept.append(name)
        assert not kept

    def closed(self, who: User) -> Toggle:
        return lambda: User.objects.filter(pk=who.pk).update(is_active=False)

    def joins(self, who: User) -> Toggle:
        return lambda: RequestMember.objects.create(
            request=self.story.request, user=who, kind="editor", added_by=who
        )

    def test_each_term_of_an_office(self) -> None:
        who = self.world.secretariat
        self.each(
            {
                "ended": role(who, ended_at=timezone.now()),
                "another role": role(who, role=Role.OPERATOR),
                "somebody else's": role(who, user=self.stranger),
                "closed account": self.closed(who),
                "their own file": self.joins(who),
            },
            self.told(who, lambda request: recipients.office(request, Role.SECRETARIAT)),
        )

    def test_each_term_of_the_data_holders(self) -> None:
        for who, base in (
            (self.world.holder_a_rep, self.world.base_a),
            (self.world.officer, self.world.main_base),
        ):
            asked = RequestDataset.objects.filter(request=self.story.request, dataset=base)
            self.each(
                {
                    "ended": role(who, ended_at=timezone.now()),
                    "another role": role(who, role=Role.COMMITTEE_MEMBER),
                    "of another holder": role(who, scope=self.other_body),
                    "closed account": self.closed(who),
                    "not asked for": lambda asked=asked: asked.delete(),
                    "their own file": self.joins(who),
                    "a colleague": lambda who=who: Membership.objects.create(
                        user=who, organisation=self.world.university, confirmed_at=timezone.now()
                    ),
                },
                self.told(who, recipients.data_holders),
            )

    def test_each_term_of_those_of_the_file(self) -> None:
        now = timezone.now()
        for who, found, other in (
            (self.world.investigator, recipients.team, {"kind": "named"}),
            (self.world.investigator, recipients.investigators, {"kind": "editor"}),
            (self.world.named, recipients.named, {"has_data_access": False}),
        ):
            self.each(
                {
                    "removed": member(who, removed_at=now),
                    "in another place": member(who, **other),
                    "of another file": member(who, request=self.elsewhere),
                    "closed account": self.closed(who),
                },
                self.told(who, found),
            )

    def test_each_term_of_the_signatories(self) -> None:
        who, now = self.world.representative, timezone.now()
        second = user("seconde", of=self.world.university, signs=True)
        toggles = {
            "without the capacity": belongs(who, can_sign_since=None),
            "ended": belongs(who, ended_at=now),
            "of another organisation": belongs(who, organisation=self.other_body),
            "suspended": lambda: Organisation.objects.update(suspended_at=now),
            "closed account": self.closed(who),
        }
        self.each(toggles, self.told(who, recipients.signatories))
        assert not self.told(second, recipients.signatories)()  # the file names another
        for toggle in (toggles["closed account"], member(who, removed_at=now)):
            with undone():
                toggle()
                assert self.told(second, recipients.signatories)()

    def test_each_term_of_who_must_act(self) -> None:
        first, second = self.world.secretariat, user("seconde", role=Role.SECRETARIAT)

        def asked() -> set[str]:
            stage = Stage.objects.get(pk=self.story.stage("completeness").pk)
            return {one.username for one in recipients.of_stage(stage)}

        assert asked() == {first.username, second.username}
        Stage.objects.filter(pk=self.story.stage("completeness").pk).update(assignee=first)
        assert asked() == {first.username}
        with undone():
            self.joins(first)()
            assert asked() == {second.username}
