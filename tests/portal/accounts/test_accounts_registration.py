"""Accounts made from a confirmed address; links used once; nothing told to who only asks."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import registration, throttle
from portal.accounts.models import EmailLink, User
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from tests.support.client import client_for, page_text
from tests.support.people import PASSWORD, a_person


pytestmark = pytest.mark.django_db
FIELDS = {
    "first_name": "Ada",
    "last_name": "Durand",
    "title": "",
    "username": "ada",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def link_in(message: Message) -> str:
    """Path of the first link of a mail."""
    found = re.search(r"https?://[^/\s]+(/\S+)", message.body)
    assert found, message.body
    return found[1]


def ask(client: Client, email: str = "ada@exemple.fr") -> Message:
    response = client.post(reverse("accounts:register"), {"email": email})
    assert response["Location"] == reverse("accounts:register_sent")
    return Message.objects.latest("created_at")


def test_an_account_is_made_from_the_link_only(client: Client) -> None:
    message = ask(client)
    assert not User.objects.exists()
    assert message.address == "ada@exemple.fr"
    assert message.sensitive
    page = client.get(link_in(message))
    assert "ada@exemple.fr" in page_text(page)
    response = client.post(link_in(message), FIELDS)
    assert response["Location"] == reverse("accounts:account")
    user = User.objects.get()
    assert user.email == "ada@exemple.fr"
    assert user.email_confirmed_at is not None
    assert client.session["_auth_user_id"] == str(user.pk)
    assert AuditEvent.objects.filter(action="account.register", actor_id=user.pk).exists()


def test_the_link_serves_once(client: Client) -> None:
    path = link_in(ask(client))
    client.post(path, FIELDS)
    other = Client()
    assert other.get(path).status_code == 410
    response = other.post(path, FIELDS | {"username": "autre"})
    assert response.status_code == 410
    assert User.objects.count() == 1


def test_the_link_expires(client: Client) -> None:
    path = link_in(ask(client))
    with time_machine.travel(timezone.now() + registration.REGISTER_VALID + timedelta(seconds=1)):
        assert client.get(path).status_code == 410
        assert client.post(path, FIELDS).status_code == 410
    assert not User.objects.exists()


def test_only_the_hash_of_the_link_is_stored(client: Client) -> None:
    token = link_in(ask(client)).rstrip("/").rpartition("/")[2]
    assert EmailLink.objects.get().token_hash != token
    assert len(token) >= 40


def test_a_known_address_gets_the_same_page_and_another_mail(client: Client) -> None:
    user = a_person("ada")
    known = client.post(reverse("accounts:register"), {"email": "ADA@exemple.fr"})
    unknown = client.post(reverse("accounts:register"), {"email": "bob@exemple.fr"})
    assert known["Location"] == unknown["Location"]
    reminder = Message.objects.get(recipient=user)
    assert "ada" in reminder.body
    assert not EmailLink.objects.filter(email__iexact=user.email).exists()


def test_taken_name_and_weak_password_are_said_with_what_was_typed(client: Client) -> None:
    a_person("prise")
    path = link_in(ask(client, "nouvelle@exemple.fr"))
    weak = FIELDS | {"username": "Prise", "password1": "motdepasse", "password2": "motdepasse"}
    response = client.post(path, weak)
    text = page_text(response)
    assert response.status_code == 200
    assert "Ce nom d’utilisateur est déjà pris" in text
    assert "trop court" in text
    assert 'value="Ada"' in response.content.decode()
    assert client.post(path, FIELDS).status_code == 302  # the link was not spent


def test_mails_to_one_address_are_limited(client: Client) -> None:
    for n in range(throttle.MAIL_BY_RECIPIENT.tries):
        url = reverse("accounts:register" if n % 2 else "accounts:password_reset")
        assert client.post(url, {"email": "cible@exemple.fr"}).status_code == 302
    response = client.post(reverse("accounts:register"), {"email": "cible@exemple.fr"})
    assert response.status_code == 429
    assert "Trop de tentatives" in page_text(response)


def test_reset_tells_nothing_and_serves_once(client: Client) -> None:
    user = a_person("ada", password="ancien-mot-de-passe-1")
    url = reverse("accounts:password_reset")
    unknown = client.post(url, {"email": "personne@exemple.fr"})
    known = client.post(url, {"email": user.email})
    assert unknown["Location"] == known["Location"]
    message = Message.objects.get()
    assert "ada" in message.body
    path = link_in(message)
    form = client.get(path, follow=True)
    response = client.post(
        form.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD}
    )
    assert response["Location"] == reverse("accounts:login")
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    again = Client().get(path, follow=True)
    assert "Ce lien ne vaut plus" in page_text(again)
    assert Message.objects.filter(code="account.password_changed", recipient=user).exists()


def test_a_reset_lets_in_whoever_tried_too_often(client: Client) -> None:
    """The page of a person who must wait says « réinitialisez votre mot de passe »."""
    user = a_person("ada", password="ancien-mot-de-passe-1")
    url = reverse("accounts:login")
    wrong = {"username": "ada", "password": "faux"}
    for _n in range(throttle.LOGIN_BY_NAME.tries):
        client.post(url, wrong)
    assert client.post(url, wrong).status_code == 429
    client.post(reverse("accounts:password_reset"), {"email": user.email})
    form = client.get(link_in(Message.objects.get()), follow=True)
    client.post(form.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert client.post(url, {"username": "ada", "password": PASSWORD}).status_code == 302


def test_a_page_that_makes_one_wait_says_how_long(client: Client) -> None:
    url = reverse("accounts:password_reset")
    for _n in range(throttle.MAIL_BY_RECIPIENT.tries):
        client.post(url, {"email": "ada@exemple.fr"})
    response = client.post(url, {"email": "ada@exemple.fr"})
    assert response.status_code == 429
    assert "Réessayez dans 60 minutes" in page_text(response)


def test_changing_the_password_closes_other_sessions() -> None:
    user = a_person(password=PASSWORD)
    here, elsewhere = client_for(user), client_for(user)
    new = "une-autre-phrase-longue-7"
    response = here.post(
        reverse("accounts:password_change"),
        {"old_password": "faux", "new_password1": new, "new_password2": new},
    )
    assert "Ce n’est pas votre mot de passe actuel" in page_text(response)
    here.post(
        reverse("accounts:password_change"),
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert here.get(reverse("accounts:account")).status_code == 200
    assert elsewhere.get(reverse("accounts:account")).status_code == 302


def test_a_new_address_counts_once_its_link_is_opened_by_its_owner() -> None:
    user, other = a_person("ada"), a_person("eve")
    client = client_for(user)
    client.post(reverse("accounts:email"), {"email": "nouvelle@exemple.fr"})
    path = link_in(Message.objects.get(address="nouvelle@exemple.fr"))
    user.refresh_from_db()
    assert user.email == "ada@exemple.fr"
    assert client_for(other).post(path).status_code == 410
    assert client.get(path).status_code == 200
    client.post(path)
    user.refresh_from_db()
    assert user.email == "nouvelle@exemple.fr"
    assert Message.objects.filter(address="ada@exemple.fr").exists()
    assert client.post(path).status_code == 410


def test_ended_links_are_forgotten(client: Client) -> None:
    ask(client)
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert registration.forget_links() == 1


def test_identity_is_changed_by_its_owner(client: Client) -> None:
    user = a_person()
    mine = client_for(user)
    mine.post(
        reverse("accounts:identity"), {"first_name": "Zoé", "last_name": "Petit", "title": "chef"}
    )
    user.refresh_from_db()
    assert (user.first_name, user.title) == ("Zoé", "chef")
    empty: dict[str, Any] = {"first_name": "", "last_name": "Petit"}
    response = mine.post(reverse("accounts:identity"), empty)
    assert "Un point est à corriger" in page_text(response)
