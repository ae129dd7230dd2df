"""What cannot apply to a person is not asked of the database, and is again once it can."""

from django.test import TestCase
from django.utils import timezone

from portal.accounts import memberships, role_grants
from portal.accounts.models import Membership, Role, RoleAssignment, User
from portal.accounts.roles import has_role, signs_for_one
from requests_app.models import AccessRequest, RequestMember, RequestVersion
from requests_app.rights import permissions
from tests.support.factories import World, user


def statement(person: User, *parts: str) -> str:
    return str(permissions.requests_with(person, *parts).query)


class TestLeftOut(TestCase):
    world: World
    request: AccessRequest

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()
        cls.request = cls.world.story().reach("completeness").fresh()

    def test_whoever_has_no_part_in_a_file_is_asked_for_none(self) -> None:
        said = statement(self.world.secretariat, "card")
        assert "requestmember" not in said
        assert "requestversion" not in said
        assert "requestmember" in statement(self.world.investigator, "card")

    def test_a_rule_without_condition_filters_nothing(self) -> None:
        assert "WHERE" not in statement(self.world.auditor)
        assert "WHERE" not in statement(self.world.auditor, "card", "acts")
        assert "WHERE" not in statement(self.world.administrator)
        assert "WHERE" not in statement(self.world.auditor, "acts")
        assert not permissions.requests_with(self.world.administrator, "content").exists()

    def test_on_their_own_file_the_same_person_keeps_the_card_alone(self) -> None:
        person = User.objects.get(pk=self.world.named.pk)
        RoleAssignment.objects.create(user=person, role=Role.AUDITOR)
        assert "WHERE" in statement(person, "acts")
        assert self.request not in permissions.requests_with(person, "acts")
        assert self.request in permissions.requests_with(person, "card")
        assert "acts" not in permissions.parts_visible(person, self.request)

    def test_a_member_who_withdrew_is_still_kept_away_whatever_else_they_are(self) -> None:
        member = self.world.member
        story = self.world.story().reach("opinion")
        RoleAssignment.objects.create(user=member, role=Role.AUDITOR)
        story.declare(member, answer="withdrawn")
        person = User.objects.get(pk=member.pk)
        seen = permissions.requests_visible_to(person)
        assert story.request not in seen
        assert self.request in seen

    def test_whoever_joins_in_the_middle_of_a_request_is_in_at_once(self) -> None:
        person = user("arrivante")
        assert not permissions.can_view(person, self.request)
        other_object = User.objects.get(pk=person.pk)
        place = RequestMember(
            request=self.request,
            user=other_object,
            kind=RequestMember.Kind.EDITOR,
            added_by=self.world.investigator,
        )
        place.save()
        assert "content" in permissions.parts_visible(person, self.request)
        assert self.request in permissions.requests_with(person, "content")
        mine = RequestMember.objects.filter(pk=place.pk)
        mine.update(removed_at=timezone.now())
        assert not permissions.can_view(person, self.request)
        mine.update(removed_at=None)
        assert permissions.can_view(person, self.request)

    def test_whoever_signs_or_may_sign_from_now_on_sees_it_at_once(self) -> None:
        signed, named = user("signataire"), user("mandatee")
        assert not permissions.can_view(signed, self.request)
        assert not permissions.can_view(named, self.request)
        version = RequestVersion.objects.get(request=self.request)
        version.signed_by = signed
        version.save()
        now = timezone.now()
        Membership.objects.create(
            user=named, organisation=self.request.organisation, confirmed_at=now, can_sign_since=now
        )
        assert permissions.can_view(signed, self.request)
        assert permissions.can_view(named, self.request)

    def test_who_leaves_a_place_or_a_role_has_it_no_more_in_the_same_request(self) -> None:
        person = user("partante", of=self.world.university, signs=True)
        assert signs_for_one(person)
        memberships.end(Membership.objects.get(user=person), by=person)
        assert not signs_for_one(person)
        leaving = user("sortante", role=Role.ADMINISTRATOR)
        assert has_role(leaving, Role.ADMINISTRATOR)
        role_grants.end(RoleAssignment.objects.get(user=leaving), by=leaving, reason="Départ.")
        assert not has_role(leaving, Role.ADMINISTRATOR)
