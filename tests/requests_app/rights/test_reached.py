"""Whom a message reaches and where it leads them: what each of them would be answered alone."""

import pytest
from django.utils import timezone

from portal.accounts.models import Role, RoleAssignment, User
from requests_app.models import InterestDeclaration, RequestMember
from requests_app.rights import permissions, recipients
from tests.support.factories import Story, World, user
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
EVERYONE = (
    *("secretariat", "legal_officer", "operator", "dpo", "auditor", "administrator"),
    *("president", "member", "tied_member", "holder_a_rep", "holder_b_rep", "officer"),
    *("investigator", "named", "representative"),
)


def fresh(*people: User) -> list[User]:
    return list(User.objects.filter(pk__in=[one.pk for one in people]).order_by("username"))


def assert_as_each_alone(story: Story, people: list[User]) -> dict[str, bool]:
    """By name: whoever is reached, and whether the file opens to them."""
    request = story.fresh()
    together = {one.username: opens for one, opens in recipients.reached(fresh(*people), request)}
    alone = {
        one.username: permissions.can_view(one, request)
        for one in fresh(*people)
        if not recipients.hidden_among(one, {request.pk})
    }
    assert together == alone
    return together


def test_several_people_are_answered_as_each_would_be_alone() -> None:
    world = World()
    story = world.story()
    left, closed = user("partie", of=world.university), user("close", of=world.university)
    for one, removed in ((left, timezone.now()), (closed, None)):
        RequestMember.objects.create(
            request=story.request,
            user=one,
            kind="editor",
            added_by=world.investigator,
            removed_at=removed,
        )
    User.objects.filter(pk=closed.pk).update(is_active=False)
    people = [getattr(world, name) for name in EVERYONE] + [left, closed, user("tiers")]
    draft = assert_as_each_alone(story, people)
    assert draft["investigatrice"]
    assert not {name for name in ("secretariat", "close", "partie", "tiers") if draft[name]}

    story.sign()
    assert assert_as_each_alone(story, people)["secretariat"]

    story.completeness()  # the committee is seized: whoever is tied to the file hears no more of it
    withdrawn, editor = user("ancien-membre"), user("editeur", of=world.university)
    for one in (withdrawn, world.member, editor):
        InterestDeclaration.objects.create(
            request=story.request,
            member=one,
            committee=world.cesrees,
            answer=InterestDeclaration.Answer.WITHDRAWN,
            declared_at=timezone.now(),
        )
    for one, kind in ((editor, "editor"), (world.legal_officer, "named")):
        RequestMember.objects.create(
            request=story.request, user=one, kind=kind, added_by=world.investigator
        )
    RoleAssignment.objects.create(user=withdrawn, role="secretariat")
    seated = user(  # after the committee was seized: nothing is written of them yet
        "nouveau-membre", role=Role.COMMITTEE_MEMBER, scope=world.cesrees, of=world.university
    )
    found = assert_as_each_alone(story, [*people, withdrawn, editor, seated])
    assert not {"membre-lie", "membre", "ancien-membre", "nouveau-membre"} & set(found)
    assert all(found[name] for name in ("editeur", "resp-a", "juriste"))


def test_whoever_is_told_of_nearly_every_move_costs_two_short_questions_at_most() -> None:
    world = World()
    story = world.story()
    story.sign()
    request = story.fresh()

    def asked(*people: User) -> int:
        told = fresh(*people)
        with count_queries() as counted:
            recipients.reached(told, request)
        return len(counted)

    alone = asked(world.secretariat)
    assert asked(world.secretariat, world.legal_officer, world.investigator) == alone + 2
