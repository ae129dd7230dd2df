"""No address opens before the second factor to whoever holds a role or a capacity."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve, reverse

from portal.accounts import otp
from portal.accounts.models import SITE_ROLES, Role, User
from portal.accounts.otp import SecondFactorMiddleware
from portal.accounts.permissions import needs_second_factor
from tests.support.client import client_for, enrol
from tests.support.people import a_member, a_person, an_organisation, with_role

from .test_urls import ALL, is_public


pytestmark = [pytest.mark.django_db, pytest.mark.both]
# What a person needs before it: the account that says what is missing, and the step itself.
# Refusing the removal of one's factor: it takes nothing away, and must not wait for a phone.
BEFORE_IT = {
    "accounts:account",
    "accounts:second_factor",
    "accounts:verify",
    "accounts:factor_reset_refuse",
    "admin:login",
}
# They ask by themselves, and for a fresh one.
ASK_BY_THEMSELVES = {
    "accounts:recovery_codes",
    "accounts:second_factor_remove",
    "requests_app:reveal_key",
    "requests_app:rotate_key",
}


def people() -> Iterator[User]:
    body, holder = an_organisation(), an_organisation(kind="holder")
    for role in Role:
        yield with_role(role, scope=None if role in SITE_ROLES else holder)
    yield a_member(body, signs=True).user
    yield a_member(body, manager=True).user


VIEWS = [(name, address, resolve(address)) for name, address in ALL]


def let_through(user: User, method: str) -> set[str]:
    """Addresses that the middleware leaves to their view."""
    middleware = SecondFactorMiddleware(lambda _request: None)  # type: ignore[arg-type,return-value]
    found = set()
    for name, address, (view, args, kwargs) in VIEWS:
        request: Any = getattr(RequestFactory(), method)(address)
        request.user, request.session = user, SessionBase()
        if middleware.process_view(request, view, args, kwargs) is None:
            found.add(name)
    return found


def test_each_login_page_asks_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether it is asked, not how the page looks: thousands of them.
    monkeypatch.setattr(otp, "demand", lambda _request: HttpResponse(status=403))
    for user in people():
        for method in ("get", "post"):
            open_before = {name for name in let_through(user, method) if not is_public(name)}
            assert open_before <= BEFORE_IT | ASK_BY_THEMSELVES, (user, method)


def test_those_that_ask_by_themselves_do_ask() -> None:
    user = a_member(an_organisation(), signs=True).user
    enrol(user)
    client = client_for(user)
    for name, address in ALL:
        if name in ASK_BY_THEMSELVES:
            asked = client.get(address)
            assert asked["Location"].startswith(reverse("accounts:verify")), name
            assert client.post(address).status_code == 403, name


def test_a_fragment_is_sent_to_the_step_up_page_too() -> None:
    user = a_member(an_organisation(), manager=True).user
    enrol(user)
    asked = client_for(user).get(reverse("requests_app:inbox"), headers={"HX-Request": "true"})
    assert (asked.status_code, asked.content) == (403, b"")
    assert asked["HX-Redirect"].startswith(reverse("accounts:verify"))


def test_a_person_of_neither_kind_is_asked_nothing() -> None:
    user = a_person()
    assert not needs_second_factor(user)
    assert len(let_through(user, "get")) == len({name for name, _ in ALL})
