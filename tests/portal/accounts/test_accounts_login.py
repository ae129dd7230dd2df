"""Login by user name: throttled, tells nothing of who exists, comes back where it was asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import throttle
from portal.accounts.models import Role
from portal.audit.models import AuditEvent
from tests.support.client import client_for, page_text
from tests.support.people import PASSWORD, a_person, with_role


pytestmark = pytest.mark.django_db


def login(client: Client, username: str, password: str = PASSWORD, **data: Any) -> Any:
    return client.post(
        reverse("accounts:login"), {"username": username, "password": password} | data
    )


def test_login_and_logout_are_recorded(client: Client) -> None:
    user = a_person(password=PASSWORD)
    assert login(client, user.username).status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)
    assert client.get(reverse("accounts:logout")).status_code == 405
    client.post(reverse("accounts:logout"))
    assert "_auth_user_id" not in client.session
    events = AuditEvent.objects.values_list("action", "outcome", "actor_id").order_by("recorded_at")
    assert list(events) == [
        ("account.login", "done", user.pk),
        ("account.logout", "done", user.pk),
    ]


def test_the_email_is_no_identifier(client: Client) -> None:
    user = a_person(password=PASSWORD)
    assert login(client, user.email).status_code == 200
    assert "_auth_user_id" not in client.session


def test_unknown_name_wrong_password_and_suspended_account_get_the_same_answer(
    client: Client,
) -> None:
    known = a_person("connue", password=PASSWORD)
    closed = a_person("fermee", password=PASSWORD, is_active=False)
    pages = [
        page_text(login(client, name, password))
        for name, password in (
            ("inconnue", PASSWORD),
            (known.username, "autre-mot-de-passe"),
            (closed.username, PASSWORD),
        )
    ]
    assert "Nom d’utilisateur ou mot de passe incorrect" in pages[0]
    assert len(set(pages)) == 1
    failed = AuditEvent.objects.filter(action="account.login", outcome="refused")
    assert set(failed.values_list("on_id", flat=True)) == {"", str(known.pk), str(closed.pk)}


def test_what_was_typed_is_kept_but_not_the_password(client: Client) -> None:
    body = login(client, "quelquun", "secret-tape").content.decode()
    assert 'value="quelquun"' in body
    assert "secret-tape" not in body


def test_tries_are_limited_by_name_and_the_wait_is_said(client: Client) -> None:
    user = a_person(password=PASSWORD)
    for n in range(throttle.LOGIN_BY_NAME.tries):
        response = client.post(
            reverse("accounts:login"),
            {"username": user.username, "password": "faux"},
            REMOTE_ADDR=f"192.0.2.{n}",
        )
        assert response.status_code == 200
    response = login(client, user.username)
    assert response.status_code == 429
    assert "Réessayez dans 15 minutes" in page_text(response)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert login(client, user.username).status_code == 302


def test_tries_are_limited_by_address(client: Client) -> None:
    user = a_person(password=PASSWORD)
    for n in range(throttle.LOGIN_BY_ADDRESS.tries):
        login(client, f"nom{n}", "faux")
    assert login(client, user.username).status_code == 429
    other = Client(REMOTE_ADDR="198.51.100.7")
    assert login(other, user.username).status_code == 302


def test_address_behind_a_proxy_is_believed_only_when_declared(rf: Any, settings: Any) -> None:
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.9")
    assert throttle.client_address(request) == "10.0.0.1"
    settings.TRUSTED_PROXIES = 1
    assert throttle.client_address(request) == "203.0.113.9"


@pytest.mark.parametrize(
    "target", ["https://ailleurs.example/", "//ailleurs.example", "javascript:alert(1)"]
)
def test_next_never_leads_out_of_the_portal(client: Client, target: str) -> None:
    user = a_person(password=PASSWORD)
    response = login(client, user.username, next=target)
    assert "ailleurs" not in response["Location"]
    assert "javascript" not in response["Location"]


def test_next_comes_back_to_the_page_that_asked(client: Client) -> None:
    user = a_person(password=PASSWORD)
    asked = client.get(reverse("accounts:tokens"))
    assert asked["Location"] == f"{reverse('accounts:login')}?next={reverse('accounts:tokens')}"
    form = client.get(asked["Location"]).content.decode()
    assert f'name="next" value="{reverse("accounts:tokens")}"' in form
    response = login(client, user.username, next=reverse("accounts:tokens"))
    assert response["Location"] == reverse("accounts:tokens")


def test_session_key_changes_at_login(client: Client) -> None:
    user = a_person(password=PASSWORD)
    session = client.session
    session["before"] = 1
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    login(client, user.username)
    assert client.session.session_key != before


def test_suspended_person_loses_the_session() -> None:
    user = a_person()
    client = client_for(user)
    assert client.get(reverse("accounts:account")).status_code == 200
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(reverse("accounts:account")).status_code == 302


def test_passwords_are_hashed_by_argon2(settings: Any) -> None:
    from portal.settings import base

    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    assert identify_hasher(make_password(PASSWORD)).algorithm == "argon2"


def test_is_superuser_and_is_staff_add_nothing() -> None:
    user = a_person(is_staff=True, is_superuser=True)
    client = client_for(user, verified=True)
    assert client.get(reverse("admin:index")).status_code in {302, 403}
    assert client.get(reverse("accounts:confirmations")).status_code == 403
    admin = client_for(with_role(Role.ADMINISTRATOR), verified=True)
    assert admin.get(reverse("admin:index")).status_code == 200


def test_of_many_tries_at_once_no_more_than_the_limit_are_read(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _n: throttle.take(throttle.LOGIN_BY_NAME, "ada"), range(60)))
    assert waits.count(0) == throttle.LOGIN_BY_NAME.tries
    assert set(waits) == {0, 15}


def test_logins_that_succeed_close_nothing_to_the_others_of_an_address(client: Client) -> None:
    user = a_person(password=PASSWORD)
    for _n in range(throttle.LOGIN_BY_ADDRESS.tries + 5):
        assert login(Client(), user.username).status_code == 302


def test_a_refused_address_uses_up_nobodys_tries(client: Client) -> None:
    """Otherwise one machine could keep a person out by naming them."""
    user = a_person(password=PASSWORD)
    for n in range(throttle.LOGIN_BY_ADDRESS.tries):
        login(client, f"nom{n}", "faux")
    for _n in range(throttle.LOGIN_BY_NAME.tries):
        assert login(client, user.username, "faux").status_code == 429
    assert login(Client(REMOTE_ADDR="198.51.100.7"), user.username).status_code == 302
