"""Invitations: one link, one address, one use."""

import re
import unicodedata
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import invitations as service
from portal.accounts import memberships, permissions, throttle
from portal.accounts.models import Invitation, Membership, Role, RoleAssignment, User
from portal.accounts.roles import has_role
from portal.accounts.signals import invitation_accepted
from portal.notifications.models import Message
from tests.support.client import client_for, page_text
from tests.support.people import PASSWORD, a_member, a_person, an_organisation, with_role


pytestmark = pytest.mark.django_db
NEW = {
    "first_name": "Ada",
    "last_name": "Durand",
    "username": "ada",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def path_of(message: Message) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", message.body)
    assert found
    return found[1]


def invited(kind: str = "team", email: str = "ada@exemple.fr", **fields: Any) -> str:
    """Path of the link of a fresh invitation."""
    service.invite(
        kind=Invitation.Kind(kind), email=email, by=fields.pop("by", None) or a_person(), **fields
    )
    return path_of(Message.objects.filter(code="account.invitation").latest("created_at"))


def test_only_the_hash_is_stored(client: Client) -> None:
    token = invited().rstrip("/").rpartition("/")[2]
    assert Invitation.objects.get().token_hash != token
    assert Message.objects.get().sensitive


def test_the_invited_person_accepts_and_the_upper_room_is_told() -> None:
    heard: list[tuple[Invitation, User]] = []

    def listener(*, invitation: Invitation, user: User, **_kwargs: Any) -> None:
        heard.append((invitation, user))

    invitation_accepted.connect(listener)
    try:
        request_id = uuid4()
        path = invited("holder", request_id=request_id, about="Dossier GUI-2027-0001")
        assert "GUI-2027-0001" in Message.objects.get().subject
        user = a_person("ada")
        client = client_for(user)
        assert "vous invite" in page_text(client.get(path))
        assert not heard
        client.post(path)
        assert [(i.request_id, u) for i, u in heard] == [(request_id, user)]
        assert client.post(path).status_code == 410
        assert len(heard) == 1
    finally:
        invitation_accepted.disconnect(listener)


def test_another_person_gets_nothing() -> None:
    path = invited()
    eve = client_for(a_person("eve"))
    response = eve.post(path)
    assert response.status_code == 403
    assert "pour une autre adresse" in page_text(response)
    assert "ada@exemple.fr" not in response.content.decode()
    assert Invitation.objects.open().exists()


def test_an_address_that_was_never_confirmed_is_not_enough() -> None:
    path = invited()
    claims = a_person("voleur", email="ada@exemple.fr", email_confirmed_at=None)
    assert client_for(claims).post(path).status_code == 403


def test_a_new_person_makes_the_account_from_the_link(client: Client) -> None:
    organisation = an_organisation(kind="holder")
    secretary = with_role(Role.SECRETARIAT)
    path = invited("holder", by=secretary, organisation=organisation)
    page = client.get(path)
    assert "Créer mon compte" in page_text(page)
    response = client.post(f"{path}inscription/", NEW)
    assert response["Location"] == reverse("accounts:account")
    user = User.objects.get(username="ada")
    assert user.email_confirmed_at
    assert has_role(user, Role.HOLDER_REPRESENTATIVE)
    assert Membership.objects.confirmed().filter(user=user, organisation=organisation).exists()
    assert Client().get(path).status_code == 410


def test_a_taken_name_spends_nothing(client: Client) -> None:
    a_person("ADA", email="autre@exemple.fr")
    path = invited()
    response = client.post(f"{path}inscription/", NEW)
    assert "déjà pris" in page_text(response)
    assert client.post(f"{path}inscription/", NEW | {"username": "ada2"}).status_code == 302


def test_a_link_dies_when_expired_cancelled_or_sent_again(client: Client) -> None:
    sender = a_person()
    path = invited(by=sender, about="Dossier GUI-2027-0007")
    with time_machine.travel(timezone.now() + service.VALID + timedelta(seconds=1)):
        assert client.get(path).status_code == 410
    mine = client_for(sender)
    invitation = Invitation.objects.get()
    mine.post(reverse("accounts:invitation_resend", args=[invitation.pk]))
    assert client.get(path).status_code == 410
    fresh = path_of(Message.objects.latest("created_at"))
    assert client.get(fresh).status_code == 200
    assert "GUI-2027-0007" in Message.objects.latest("created_at").body
    mine.post(reverse("accounts:invitation_cancel", args=[invitation.pk]))
    assert client.get(fresh).status_code == 410
    refused = mine.post(reverse("accounts:invitation_resend", args=[invitation.pk]), follow=True)
    assert "déjà acceptée ou annulée" in page_text(refused)


def test_the_same_invitation_twice_is_one() -> None:
    sender = a_person()
    for _n in range(2):
        invited(by=sender)
    assert Invitation.objects.count() == 1
    assert Message.objects.count() == 2


def test_others_invitations_cannot_be_handled() -> None:
    invited(request_id=uuid4())
    pk = Invitation.objects.get().pk
    for user in (a_person(), with_role(Role.SECRETARIAT), with_role(Role.ADMINISTRATOR)):
        client = client_for(user, verified=True)
        for name in ("accounts:invitation_cancel", "accounts:invitation_resend"):
            assert client.post(reverse(name, args=[pk])).status_code == 404
    assert Invitation.objects.open().exists()


def test_list_and_object_agree() -> None:
    sender, secretary = a_person(), with_role(Role.SECRETARIAT)
    invited(by=sender)
    invited(by=sender, request_id=uuid4())
    for user in (sender, secretary, a_person(), with_role(Role.AUDITOR)):
        for invitation in Invitation.objects.all():
            listed = permissions.invitations_visible_to(user).contains(invitation)
            assert permissions.can_handle_invitation(user, invitation) is listed


def test_a_representative_vouched_for_may_sign_another_waits() -> None:
    organisation = an_organisation()
    manager = a_member(organisation, manager=True).user
    client_for(a_person("ada")).post(
        invited("representative", by=manager, organisation=organisation)
    )
    vouched = Membership.objects.get(user__username="ada")
    assert vouched.can_sign_since
    assert vouched.confirmed_by == manager
    applicant = a_member(organisation).user  # a member, who may not confirm
    path = invited("representative", "bob@exemple.fr", by=applicant, organisation=organisation)
    client_for(a_person("bob")).post(path)
    waiting = Membership.objects.get(user__username="bob")
    assert waiting.confirmed_at is None
    assert waiting.asks_to_sign
    # Nobody else would know that it waits.
    asked = Message.objects.get(code="account.membership_asked")
    assert asked.recipient == manager
    assert "Bob" in asked.body


@pytest.mark.parametrize("how", ["ended", "refused", "refused to sign", "member only"])
def test_an_old_link_does_not_bring_back_who_was_dismissed(how: str) -> None:
    organisation = an_organisation()
    manager = a_member(organisation, manager=True).user
    person = a_person("partant", email="partant@exemple.fr")
    path = invited("representative", "Partant@exemple.fr", by=manager, organisation=organisation)
    elsewhere = an_organisation()
    head = a_member(elsewhere, manager=True).user
    invited("representative", person.email, by=head, organisation=elsewhere)
    place = memberships.ask(by=person, organisation=organisation, to_sign=True)
    if how != "refused":
        memberships.confirm(place, by=manager, may_sign=how == "ended", reason="Non")
    if how == "refused to sign":
        memberships.ask_to_sign(place, by=person)
    if how == "ended":
        memberships.end(place, by=manager, reason="Départ")
    elif how != "member only":
        memberships.refuse(place, by=manager, reason="Non")
    assert client_for(person, verified=True).post(path).status_code == 410
    assert not Membership.objects.signatory().filter(user=person).exists()
    assert Invitation.objects.open().get().organisation == elsewhere


def test_nor_a_link_to_an_address_that_was_not_known_as_theirs() -> None:
    organisation = an_organisation(kind="holder")
    secretary = with_role(Role.SECRETARIAT)
    person = a_person("partant")
    paths = [
        invited(kind, "autre@exemple.fr", by=secretary, organisation=organisation)
        for kind in ("representative", "holder")
    ]
    memberships.end(a_member(organisation, person, signs=True), by=secretary, reason="Départ")
    User.objects.filter(pk=person.pk).update(email="autre@exemple.fr")
    for path in paths:
        client_for(User.objects.get(pk=person.pk)).post(path)
    waiting = Membership.objects.open().get(user=person)
    assert (waiting.confirmed_at, waiting.can_sign_since) == (None, None)
    assert not RoleAssignment.objects.filter(user=person).exists()


def test_nor_gives_back_a_role_that_was_ended_since() -> None:
    organisation = an_organisation(kind="holder")
    secretary = with_role(Role.SECRETARIAT)
    person = a_person("ada")
    path = invited("holder", by=secretary, organisation=organisation)
    with_role(Role.HOLDER_REPRESENTATIVE, person, organisation)
    RoleAssignment.objects.filter(user=person).update(ended_at=timezone.now())
    client_for(person).post(path)
    assert not RoleAssignment.objects.active().filter(user=person).exists()


@pytest.mark.parametrize(
    "text",
    [
        "t.co/abc", "x.co/login gagnez", "é.fr/x", "1.2.3.4/login", "evil。example/login",
        "evil․example/login", "evil．example", "evil｡example", "http://evil/login", "www.evil",
        "HTTPS：//evil", "a@evil.example", "mailto:eve", "evil\ufe0f.example", "evil.\u034fexample",
        "(evil.example)", "a.b", "évil.中国",
    ],
)  # fmt: skip
def test_words_for_a_stranger_hold_nothing_that_a_mail_reader_links(text: str) -> None:
    said = unicodedata.normalize("NFKC", service.quoted(text)).replace("。", ".")
    assert not re.search(r"\w[^\w\s\[\]]*\.[^\w\s\[\]]*\w|\w:(?!\s)", said), said
    assert "[.]" in said or "[:]" in said or "[://]" in said


@pytest.mark.parametrize(
    "text", ["Étude J.-P. Martin : suite…", "Cohorte 2027, à 10:30 (fin.)", "Qu’est-ce ? Rien."]
)
def test_plain_words_for_a_stranger_stay(text: str) -> None:
    assert service.quoted(text) == unicodedata.normalize("NFKC", text)


def test_a_holder_invitation_by_who_lost_the_role_gives_no_role() -> None:
    organisation = an_organisation(kind="holder")
    secretary = with_role(Role.SECRETARIAT)
    path = invited("holder", by=secretary, organisation=organisation)
    RoleAssignment.objects.update(ended_at=timezone.now())
    user = a_person("ada")
    client_for(user).post(path)
    assert not has_role(user, Role.HOLDER_REPRESENTATIVE)
    assert not Membership.objects.confirmed().filter(user=user).exists()


def test_the_page_offers_what_one_may_send() -> None:
    organisation, other = an_organisation(), an_organisation()
    manager = a_member(organisation, manager=True).user
    url = reverse("accounts:invite")
    assert client_for(a_person()).get(url).status_code == 403
    client = client_for(manager, verified=True)
    data = {"kind": "representative", "email": "rep@exemple.fr"}
    assert client.post(url, data | {"organisation": other.pk}).status_code == 200
    holder = {"kind": "holder", "email": "x@exemple.fr", "organisation": organisation.pk}
    assert client.post(url, holder).status_code == 200
    assert not Invitation.objects.exists()
    assert client.post(url, data | {"organisation": organisation.pk}).status_code == 302
    assert "rep@exemple.fr" in page_text(client.get(reverse("accounts:invitations")))


def test_one_person_does_not_make_the_portal_write_to_everybody() -> None:
    organisation = an_organisation()
    client = client_for(a_member(organisation, manager=True).user, verified=True)
    url = reverse("accounts:invite")
    data = {"kind": "representative", "organisation": organisation.pk}
    for n in range(throttle.INVITATIONS_BY_PERSON.tries):
        assert client.post(url, data | {"email": f"p{n}@exemple.fr"}).status_code == 302
    refused = client.post(url, data | {"email": "encore@exemple.fr"})
    assert "Réessayez dans 24 heures" in page_text(refused)
    assert "encore@exemple.fr" in refused.content.decode()  # what was typed is kept
    resent = client.post(
        reverse("accounts:invitation_resend", args=[Invitation.objects.first().pk]), follow=True
    )
    assert "Réessayez dans 24 heures" in page_text(resent)
    assert Invitation.objects.count() == throttle.INVITATIONS_BY_PERSON.tries
