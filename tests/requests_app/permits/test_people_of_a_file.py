"""Who comes into a file, who leaves it, who stands down: and what that leaves open."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from portal.accounts import factor_resets, second_factor
from portal.accounts.models import Invitation, Membership, Role, RoleAssignment, User
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from portal.notifications.permissions import visible_to
from requests_app.counter.reading import request as reading
from requests_app.models import Grant, GrantState, RequestMember
from requests_app.permits import team
from tests.portal.accounts.test_accounts_invitations import path_of
from tests.support.client import client_for, enrol, page_text
from tests.support.factories import World, user


pytestmark = pytest.mark.django_db


def confirmed(name: str) -> User:
    one = user(name)
    User.objects.filter(pk=one.pk).update(email_confirmed_at=timezone.now())
    return User.objects.get(pk=one.pk)


def last_link() -> str:
    return path_of(Message.objects.filter(code="account.invitation").latest("created_at"))


# --- their accounts -----------------------------------------------------------------------------


def test_one_administrator_alone_resets_no_factor_of_theirs() -> None:
    """With the address changed, one person would otherwise read the keys of another."""
    world = World()
    story = world.story()
    story.reach("use")
    for person in (world.named, world.investigator):
        enrol(person)
        assert factor_resets.ask_reset(person, by=world.administrator, reason="x")
        assert second_factor.has_second_factor(person)


def test_an_access_counts_without_a_place_and_both_until_lately() -> None:
    world = World()
    story = world.story()
    story.reach("use")
    long_ago = timezone.now() - factor_resets.SETTLED - timedelta(days=2)
    person = world.named
    place = RequestMember.objects.filter(user=person)
    place.update(removed_at=long_ago)
    assert factor_resets.holds_powers(person)  # by the access
    grants = Grant.objects.filter(person=person)
    grants.update(state=GrantState.CLOSED, closed_at=timezone.now())
    assert factor_resets.holds_powers(person)
    grants.update(closed_at=long_ago)
    assert not factor_resets.holds_powers(person)
    place.update(removed_at=timezone.now())
    assert factor_resets.holds_powers(person)


# --- invitations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sees_content"), [("editor", True), ("named", False), ("representative", False)]
)
def test_each_kind_of_invitation_gives_its_place(kind: str, sees_content: bool) -> None:
    world = World()
    request = world.draft()
    person = confirmed("invitee")
    team.invite(request, email=person.email, kind=RequestMember.Kind(kind), by=world.investigator)
    client = client_for(person)
    assert client.get(f"/dossiers/{request.pk}/").status_code == 404
    accepted = client.post(last_link())
    assert accepted["Location"] == f"/dossiers/{request.pk}/"
    member = RequestMember.objects.get(request=request, user=person)
    assert (member.kind, member.has_data_access) == (kind, kind == "named")
    assert client.get(f"/dossiers/{request.pk}/").status_code == 200
    assert (client.get(f"/dossiers/{request.pk}/brouillon/").status_code == 200) is sees_content
    if kind == "representative":  # a place in the file is no capacity to sign
        membership = Membership.objects.get(user=person)
        assert (membership.confirmed_at, membership.asks_to_sign) == (None, True)


def test_a_link_sent_by_someone_removed_since_gives_nothing() -> None:
    """Or a person about to be removed would invite themselves back under another address."""
    world = World()
    request = world.draft()
    leaving = user("partante", of=world.university)
    member = RequestMember.objects.create(
        request=request, user=leaving, kind="editor", added_by=world.investigator
    )
    back = confirmed("revenante")
    team.invite(request, email=back.email, kind=RequestMember.Kind.EDITOR, by=leaving)
    team.remove(request, member, by=world.investigator)
    client = client_for(back)
    assert client.post(last_link()).status_code == 410
    assert not RequestMember.objects.filter(request=request, user=back).exists()
    assert Invitation.objects.get().accepted_at is None


# --- committee ----------------------------------------------------------------------------------


def test_the_machine_s_withdrawals_are_in_the_log() -> None:
    world = World()
    tied = world.tied_member
    request = world.story().reach("opinion").fresh()
    event = AuditEvent.objects.get(action="stage.withdraw_member", about=request.pk)
    assert event.actor_id is None
    assert event.data == {"member": str(tied.pk), "origin": "organisation"}


def test_who_is_set_apart_is_told_once_by_the_number_alone() -> None:
    world = World()
    tied = world.tied_member
    story = world.story().reach("opinion")
    told = Message.objects.get(recipient=tied)
    assert story.fresh().number in told.body
    assert "écarté d’office" in told.body
    for kept in (story.request.title, story.request.organisation.name, str(story.request.pk)):
        assert kept not in told.subject + told.body
    assert told in visible_to(tied)
    story.declare(world.president)
    desk = client_for(world.president, verified=True)
    page = f"/dossiers/{story.request.pk}/etapes/{story.stage('opinion').pk}/issue_opinion/"
    shown = page_text(desk.get(page))
    assert "Écartés d’office (lien avec le dossier)" in shown
    assert "Se sont déportés" not in shown
    said = story.request.interest_declarations.get(member=tied)
    assert said.words == "écarté d’office"


def test_who_stood_down_does_not_come_back_by_declaring_again() -> None:
    world = World()
    story = world.story().reach("opinion")
    story.declare(world.president)
    stage = story.stage("opinion")
    client = client_for(world.member, verified=True)
    path = f"/dossiers/{story.request.pk}/etapes/{stage.pk}/declare_interest/"
    page = page_text(client.get(f"/dossiers/{story.request.pk}/"))
    assert "Étude" in page
    assert "Une étude de test." not in page  # the card, nothing of the file
    client.post(path, {"answer": "withdrawn", "reason": "Co-autrice.", "confirm": "on"})
    assert client.get(f"/dossiers/{story.request.pk}/").status_code == 404
    assert client.post(path, {"answer": "none", "confirm": "on"}).status_code == 404
    assert story.request.interest_declarations.get(member=world.member).answer == "withdrawn"


# --- who uses my data ---------------------------------------------------------------------------


def open_study(world: World) -> Grant:
    story = world.story().reach("use")
    grants = Grant.objects.filter(permit__request=story.request)
    assert set(grants.values_list("state", flat=True)) == {GrantState.OPEN}
    return grants[0]


def test_the_main_base_s_officer_reads_the_main_base_only() -> None:
    world = World()
    open_study(world)
    assert reading.holder_grants(world.officer).count() == 2
    assert reading.holder_grants(world.holder_a_rep).count() == 2
    next_door = user("officier-a", role=Role.MAIN_BASE_OFFICER, scope=world.holder_a)
    assert reading.holder_grants(next_door).count() == 0


def test_a_holder_who_stood_down_as_a_member_reads_nothing_of_the_study() -> None:
    world = World()
    both = world.holder_a_rep
    RoleAssignment.objects.create(user=both, role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
    request = world.story().reach("use").fresh()
    assert reading.holder_grants(User.objects.get(pk=both.pk)).count() == 2
    request.interest_declarations.create(
        member=both, committee=world.cesrees, answer="withdrawn", declared_at=timezone.now()
    )
    assert reading.holder_grants(User.objects.get(pk=both.pk)).count() == 0
    page = client_for(both, verified=True).get("/qui-utilise-mes-donnees/export.csv")
    assert request.number not in page.content.decode()


# --- administration -----------------------------------------------------------------------------


def test_the_admin_names_requests_by_number_never_by_title() -> None:
    world = World()
    request = world.story().reach("use").fresh()
    type(request).objects.filter(pk=request.pk).update(title="Étude confidentielle")
    admin: Client = client_for(world.administrator, verified=True)
    for path in (
        "accessrequest/",
        f"accessrequest/{request.pk}/change/",
        "stage/",
        "permit/",
        "grant/",
        "workspace/",
        "transitionlog/",
    ):
        page = admin.get(f"/admin/requests_app/{path}")
        assert page.status_code == 200, path
        assert "confidentielle" not in page.content.decode(), path
    page = admin.get(f"/dossiers/{request.pk}/")
    assert page.status_code == 200
    assert "confidentielle" not in page.content.decode()


# --- refused looks ------------------------------------------------------------------------------


def test_a_refusal_that_cannot_be_recorded_answers_503(monkeypatch: pytest.MonkeyPatch) -> None:
    request = World().draft()
    client = client_for(user("personne"))

    def fail(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent, "save", fail)
    answer = client.get(f"/dossiers/{request.pk}/")
    assert answer.status_code == 503
    assert "Étude" not in answer.content.decode()


def test_an_address_that_leads_nowhere_is_no_refusal() -> None:
    client = client_for(user("personne"))
    assert client.get(f"/dossiers/{uuid4()}/").status_code == 404
    assert not AuditEvent.objects.filter(action="request.look_refused").exists()


def test_who_only_asked_to_join_reads_no_name_of_the_organisation() -> None:
    """Anybody may ask, then draft a file in its name: names wait for the answer."""
    world = World()
    name = str(world.representative)
    asking = confirmed("demandeuse")
    membership = Membership.objects.create(user=asking, organisation=world.university)
    request = world.draft()
    RequestMember.objects.filter(request=request).update(removed_at=timezone.now())
    RequestMember.objects.create(request=request, user=asking, kind="investigator", added_by=asking)
    path = f"/dossiers/{request.pk}/brouillon/personnes/"
    page = page_text(client_for(asking).get(path))
    assert "1 personne peut signer" in page
    assert name not in page
    Membership.objects.filter(pk=membership.pk).update(confirmed_at=timezone.now())
    assert name in page_text(client_for(User.objects.get(pk=asking.pk)).get(path))
