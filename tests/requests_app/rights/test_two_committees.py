"""Of two committees before one file, each reads its own deliberation; the desk reads both."""

from typing import Any

import pytest

from portal.accounts.models import Role, RoleAssignment, User
from requests_app.counter.reading.committee import sittings
from requests_app.dossier import marks
from requests_app.models import AnswerMark, RequestVersion
from requests_app.rights import permissions
from tests.support import odd_procedure
from tests.support.factories import Story, World, user


pytestmark = pytest.mark.django_db
SAID = ("projet.resume", ("unclear", "À revoir."))


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    """Both committees at work, the interests of all declared."""
    odd_procedure.install(monkeypatch)
    story = World().story(procedure=odd_procedure.CODE).reach("avis_savant")
    story.declare_at("avis_savant")
    story.declare_at("avis_citoyen")
    return story


def give(story: Story, stage: str) -> None:
    president, member = story.seated(stage)
    rubrics = story.procedure.stage(story.stage(stage).code).rubrics
    said: dict[str, Any] = {"sense": "favourable", "present": [member]}
    said["headings"] = dict.fromkeys(rubrics, "Texte.")
    story.do(stage, "issue_opinion", by=president, **said)


def sits_too(who: User, story: Story, stage: str, role: Role = Role.COMMITTEE_MEMBER) -> User:
    RoleAssignment.objects.create(user=who, role=role, scope=story.stage(stage).committee)
    return User.objects.get(pk=who.pk)


def test_the_team_reads_what_holders_said_once_every_committee_has_spoken(story: Story) -> None:
    team = story.world.investigator

    def read() -> tuple[bool, bool]:
        parts = permissions.parts_visible(User.objects.get(pk=team.pk), story.request)
        return "opinion" in parts, "remarks" in parts

    assert read() == (False, False)
    give(story, "avis_citoyen")
    assert read() == (True, False)
    remark = story.stage("detenteurs").acts.get(code="file_remark")
    assert remark not in permissions.acts_visible_to(team)
    give(story, "avis_savant")
    assert read() == (True, True)
    assert remark in permissions.acts_visible_to(User.objects.get(pk=team.pk))


def test_an_opinion_still_to_come_keeps_what_holders_said(story: Story) -> None:
    give(story, "avis_citoyen")
    for state, opens in (("pending", False), ("paused", False), ("skipped", True)):
        story.request.stages.filter(code="avis_savant").update(state=state)
        parts = permissions.parts_visible(
            User.objects.get(pk=story.world.investigator.pk), story.request
        )
        assert ("remarks" in parts) == opens, state


def test_a_committee_reads_its_own_marks_and_those_of_the_desk(story: Story) -> None:
    scholars, citizens = story.seated("avis_savant"), story.seated("avis_citoyen")
    desk, world = story.world.secretariat, story.world
    version = RequestVersion.objects.get(request=story.request)
    for author in (scholars[1], citizens[1], desk):
        parts = permissions.parts_visible(author, story.request)
        assert marks.put(version, dict([SAID]), by=author, parts=parts) == 1

    def read(who: User) -> set[str]:
        return {one.author.username for one in marks.of_version(version, who)}

    ours, theirs, of_desk = scholars[1].username, citizens[1].username, desk.username
    for reader in scholars:
        assert read(reader) == {ours, of_desk}
    for reader in citizens:
        assert read(reader) == {theirs, of_desk}
    for reader in (desk, world.legal_officer, world.auditor):
        assert read(reader) == {ours, theirs, of_desk}
    # who sits in both is read by both; whoever left one is still of it
    sits_too(citizens[1], story, "avis_savant")
    assert read(scholars[0]) == {ours, theirs, of_desk}
    RoleAssignment.objects.filter(
        user=citizens[1], scope=story.stage("avis_savant").committee
    ).delete()
    # nor is it of the desk that a member of another committee has an office too
    RoleAssignment.objects.create(user=citizens[1], role=Role.LEGAL_OFFICER)
    assert read(scholars[0]) == {ours, of_desk}
    # somebody of no committee and of no office: nobody's but the desk's
    AnswerMark.objects.filter(author=desk).update(author=user("tiers"))
    assert read(scholars[0]) == {ours}


def test_a_president_reads_the_declarations_of_their_own_committee(story: Story) -> None:
    scholar, citizen = story.seated("avis_savant")[0], story.seated("avis_citoyen")[0]

    def read(who: User) -> tuple[set[str], set[str]]:
        rows = permissions.interests_visible_to(who).select_related("committee")
        parts = permissions.parts_visible(who, story.request)
        seats = sittings(story.request, user=who, parts=parts)
        shown = {seat.member.username for one in seats for seat in one.seats}
        return {row.committee.code for row in rows}, shown

    ours, theirs = (
        {one.username for one in story.seated(at)} for at in ("avis_savant", "avis_citoyen")
    )
    assert read(scholar) == ({"cesrees"}, ours)
    assert read(citizen) == ({"comite-citoyen"}, theirs)
    assert read(story.world.secretariat) == ({"cesrees", "comite-citoyen"}, ours | theirs)
    # a seat in the other committee is no presidency of it: one's own answer there, no more
    both = sits_too(citizen, story, "avis_savant")
    assert read(both) == ({"comite-citoyen"}, theirs)
