"""One person invited by several at once has one link, whoever invites."""

import pytest

from portal.accounts import invitations
from portal.accounts.models import Invitation
from requests_app.permits import team
from tests.requests_app.workflow.test_engine_concurrency import at_once
from tests.support.factories import World


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def test_one_link_to_a_file() -> None:
    world = World()
    request, by = world.draft(), world.investigator

    def one() -> Invitation:
        return team.invite(request, email="x@example.org", kind=team.Kind.EDITOR, by=by)

    results = at_once([one] * 4)
    assert {type(one) for one in results} == {Invitation}, results
    assert Invitation.objects.open().count() == 1


def test_one_link_to_an_organisation() -> None:
    world = World()
    university, by = world.university, world.secretariat

    def one() -> Invitation:
        return invitations.invite(
            kind=Invitation.Kind.REPRESENTATIVE,
            email="x@example.org",
            organisation=university,
            by=by,
        )

    results = at_once([one] * 4)
    assert {type(one) for one in results} == {Invitation}, results
    assert Invitation.objects.open().count() == 1
