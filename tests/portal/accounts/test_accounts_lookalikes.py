"""Addresses that look alike: each link goes to its own account's address (CVE-2019-19844).

The same on SQLite and on PostgreSQL, whose UPPER makes an I of ı.
"""

from collections import defaultdict
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import invitations, owners, registration, signals, throttle
from portal.accounts.models import EmailLink, Invitation, User
from portal.common.fields import AddressField
from portal.common.fold import folded, same
from portal.notifications.models import Message
from requests_app.permits import team
from tests.support.client import client_for, page_text
from tests.support.factories import World
from tests.support.people import PASSWORD, a_member, a_person, an_organisation


pytestmark = [pytest.mark.django_db, pytest.mark.both]
VICTIM = "direction.skype@strasse.example"
# Another mailbox each: to a mail server, or to the person who owns the domain.
OTHERS = {
    "dotless i": "dırection.skype@strasse.example",
    "dotless i in the domain": "direction.skype@strasse.examplı",
    "long s": "direction.ſkype@strasse.example",
    "kelvin": "direction.s\u212aype@strasse.example",
    "full width": "\uff44irection.skype@strasse.example",
    "sharp s": "direction.skype@straße.example",
    "combining": "direction.skype@strasse.e\u0301xample",
    "dotted capital": "D\u0130RECTION.SKYPE@strasse.example",
    "capital": "Direction.Skype@Strasse.Example",
}


def mails() -> dict[str, str]:
    """What each address was sent, whoever it belongs to."""
    found: dict[str, str] = defaultdict(str)
    for message in Message.objects.select_related("recipient"):
        found[message.recipient.email if message.recipient else message.address] += message.body
    return found


@pytest.mark.parametrize("address", OTHERS.values(), ids=OTHERS)
def test_a_reset_link_is_mailed_to_nobody_but_its_account(address: str) -> None:
    """The older account, of a look-alike, was sent both links."""
    a_person("attaquant", email=address)
    a_person("victime", email=VICTIM)
    registration.ask_reset(email=VICTIM)
    sent = mails()
    assert "victime" in sent[VICTIM]
    assert "attaquant" not in sent[VICTIM]
    assert "victime" not in sent[address]
    assert sent[VICTIM].count("/mot-de-passe/") == 1


def test_two_accounts_of_one_address_get_two_messages() -> None:
    """In one message the second link would follow the first account to its next address."""
    for name in ("ada", "bob"):
        a_person(name, email=VICTIM)
    registration.ask_reset(email=VICTIM.upper())
    messages = Message.objects.order_by("recipient__username")
    assert [m.recipient.username for m in messages if m.recipient] == ["ada", "bob"]
    assert [m.body.count("/mot-de-passe/") for m in messages] == [1, 1]


@pytest.mark.parametrize("kind", ["dotless i", "dotless i in the domain", "combining"])
def test_another_letter_is_another_address(kind: str) -> None:
    a_person("victime", email=VICTIM)
    registration.ask_reset(email=OTHERS[kind])
    assert not Message.objects.exists()
    registration.ask_registration(email=OTHERS[kind])
    assert set(mails()) == {OTHERS[kind]}
    assert not same(VICTIM, OTHERS[kind])


@pytest.mark.parametrize("kind", ["long s", "kelvin", "full width", "sharp s", "capital"])
def test_a_registration_tells_the_account_at_its_own_address(kind: str) -> None:
    a_person("victime", email=VICTIM)
    registration.ask_registration(email=OTHERS[kind])
    assert set(mails()) == {VICTIM}
    assert not EmailLink.objects.exists()
    assert same(VICTIM, OTHERS[kind])


@pytest.mark.parametrize("address", [VICTIM, OTHERS["capital"], OTHERS["long s"]])
def test_the_address_of_another_account_is_not_taken(address: str) -> None:
    a_person("victime", email=VICTIM)
    taker = a_person("preneur")
    client = client_for(taker)
    answer = client.post(reverse("accounts:email"), {"email": address}, follow=True)
    assert "Un lien est parti" in page_text(answer)  # nothing is told of who has an account
    assert not EmailLink.objects.exists()
    assert set(mails()) == {VICTIM}
    assert "preneur" not in mails()[VICTIM]


def test_an_address_taken_before_its_link_is_opened_is_not_given_twice() -> None:
    taker = a_person("preneur")
    registration.ask_email_change(email=VICTIM, by=taker)
    path = mails()[VICTIM].split("/compte/adresse/")[1].split()[0]
    a_person("victime", email=VICTIM.upper())
    assert client_for(taker).post(f"/compte/adresse/{path}").status_code == 410
    assert User.objects.get(pk=taker.pk).email == taker.email


def test_ones_own_address_may_be_written_otherwise() -> None:
    user = a_person("ada", email="ADA@exemple.fr")
    registration.ask_email_change(email="ada@exemple.fr", by=user)
    assert EmailLink.objects.get().user == user


@pytest.mark.parametrize("kind", ["dotless i", "combining", "dotted capital"])
def test_an_invitation_is_for_its_address_and_no_look_alike(kind: str) -> None:
    sent = invitations.invite(kind=Invitation.Kind.TEAM, email=VICTIM, by=a_person())
    assert not invitations.is_for(sent, a_person("voisin", email=OTHERS[kind]))
    assert invitations.is_for(sent, a_person("capitale", email=OTHERS["capital"]))


def test_an_invitation_to_a_look_alike_is_another_one() -> None:
    inviter, request = a_person(), uuid4()
    body = an_organisation()
    for address in (VICTIM, OTHERS["dotless i"], OTHERS["capital"]):
        invitations.invite(
            kind=Invitation.Kind.TEAM,
            email=address,
            by=inviter,
            organisation=body,
            request_id=request,
        )
    assert set(Invitation.objects.values_list("email", flat=True)) == {
        VICTIM,
        OTHERS["dotless i"],
    }
    assert {name: body.count("/invitation/") for name, body in mails().items()} == {
        VICTIM: 2,
        OTHERS["dotless i"]: 1,
    }


def test_who_is_in_the_file_is_known_by_the_same_comparison() -> None:
    world = World()
    request = world.draft()
    address = world.investigator.email
    with pytest.raises(team.TeamRefused):
        team.invite(request, email=address.upper(), kind=team.Kind.EDITOR, by=world.investigator)
    other = address.replace("i", "ı", 1)
    assert other != address
    team.invite(request, email=other, kind=team.Kind.EDITOR, by=world.investigator)


def test_writing_an_address_otherwise_gives_no_more_mails(client: Client) -> None:
    url = reverse("accounts:password_reset")
    variants = [VICTIM, VICTIM.upper(), OTHERS["long s"], OTHERS["kelvin"], OTHERS["full width"]]
    for address in variants[: throttle.MAIL_BY_RECIPIENT.tries]:
        client.post(url, {"email": address})
    assert client.post(url, {"email": VICTIM}).status_code == 429


@pytest.mark.parametrize("typed", ["ADA", "Ada", "ａｄａ", "a\u00adda"])
def test_a_user_name_taken_in_another_writing_is_taken(client: Client, typed: str) -> None:
    a_person("ada")
    registration.ask_registration(email="nouvelle@exemple.fr")
    path = "/compte/inscription/" + mails()["nouvelle@exemple.fr"].split("/inscription/")[1]
    data = {"first_name": "Ada", "last_name": "Lys", "username": typed}
    data |= {"password1": PASSWORD, "password2": PASSWORD}
    assert client.post(path.split()[0], data).status_code == 200
    assert User.objects.count() == 1


def test_accents_and_case_of_a_name_compare_alike_on_any_database() -> None:
    assert folded("ÉLODIE  Straße\u200b") == folded("e\u0301lodie strasse")
    assert folded("ı") != folded("i")
    member = a_member(an_organisation())
    assert registration.accounts_of(member.user.email) == [member.user]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u200bnom@exemple.fr\u00ad", "nom@exemple.fr"),
        ("\uff4eom@exemple.fr", "nom@exemple.fr"),
        ("no\u017f@exemple.fr", "nos@exemple.fr"),
        ("nom@chu-orléans.fr", "nom@chu-orléans.fr"),
    ],
)
def test_an_address_is_kept_as_it_is_read(typed: str, kept: str) -> None:
    assert AddressField().clean(typed) == kept


def test_another_letter_before_the_at_is_refused_with_what_to_do() -> None:
    with pytest.raises(Exception, match="lettres sans accent"):
        AddressField().clean("dırection@exemple.fr")


def test_the_former_address_is_told_though_it_folds_to_the_new_one() -> None:
    """straße and strasse are two domains: whoever moves an account between them is heard."""
    user = a_person("victime", email=OTHERS["sharp s"])
    user.email = VICTIM
    user.save()
    owners.email_replaced(user=user, old=OTHERS["sharp s"], by=a_person())
    assert OTHERS["sharp s"] in mails()


def test_two_mailboxes_are_two_recipients() -> None:
    both = [VICTIM, OTHERS["kelvin"]]
    signals.mail("email_changed", to=both, context={"username": "ada", "by_administrator": True})
    assert set(mails()) == set(both)
