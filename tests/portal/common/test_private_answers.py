"""What a signed-in person is shown is kept by no cache; public pages of nobody stay cacheable."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Role
from portal.common.private_answers import PrivateAnswersMiddleware
from tests.consistency.test_urls import ALL
from tests.support.client import client_for
from tests.support.people import a_person, with_role


pytestmark = pytest.mark.django_db
PRIVATE = "private, no-store"


def test_every_answer_to_a_signed_in_person_is_kept_by_no_cache() -> None:
    """Pages, fragments, files, redirects, refusals, the administration: the whole URLconf."""
    admin = with_role(Role.ADMINISTRATOR)
    client = client_for(admin, verified=True)
    client.raise_request_exception = False
    cookie = client.cookies["sessionid"].value
    kept = {}
    for name, address in ALL:
        client.cookies["sessionid"] = cookie  # whatever the last address did to it
        response = client.get(address)
        if response.headers.get("Cache-Control") != PRIVATE or "Cookie" not in response["Vary"]:
            kept[f"{name} {address}"] = response.headers.get("Cache-Control")
    assert kept == {}


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/compte", 301),  # answered by a middleware, before anybody knows who asks
        ("get", "/nulle-part/", 404),
        ("get", "/compte/deconnexion/", 405),
        ("post", "/compte/deconnexion/", 302),
    ],
)
def test_redirects_errors_and_the_end_of_a_session_too(
    method: str, address: str, status: int
) -> None:
    response = getattr(client_for(a_person("alix")), method)(address)
    assert (response.status_code, response["Cache-Control"]) == (status, PRIVATE)


def test_a_form_refused_for_its_token_too() -> None:
    client = client_for(a_person("alix"), enforce_csrf_checks=True)
    response = client.post(reverse("accounts:logout"))
    assert (response.status_code, response["Cache-Control"]) == (403, PRIVATE)


def test_public_pages_of_nobody_stay_cacheable() -> None:
    for address in ("/", "/aide/", "/recherche/", "/api/v1/datasets/"):
        response = Client().get(address)
        assert response.status_code == 200, address
        assert "no-store" not in response.headers.get("Cache-Control", ""), address
        assert "Cookie" in response["Vary"]  # no copy of it serves a signed-in person


def answered(request: HttpRequest, answer: Any = None) -> Any:
    return PrivateAnswersMiddleware(lambda _request: answer or HttpResponse())(request)


def asked(session: Any = None) -> HttpRequest:
    request = HttpRequest()
    request.COOKIES = {"sessionid": "x"}
    if session is not None:
        request.session = session
    return request


SIGNED_IN = {SESSION_KEY: "1"}


def test_a_streamed_answer_is_told_before_it_begins() -> None:
    def rows() -> Iterator[bytes]:
        raise AssertionError("read too early")
        yield b""

    answer = answered(asked(SIGNED_IN), StreamingHttpResponse(rows()))
    assert answer["Cache-Control"] == PRIVATE


def test_what_a_view_says_of_itself_does_not_weaken_the_rule() -> None:
    said = HttpResponse(headers={"Cache-Control": "public, max-age=600", "Expires": "0"})
    answer = answered(asked(SIGNED_IN), said)
    assert answer["Cache-Control"] == PRIVATE
    assert "Expires" not in answer


def test_a_session_that_cannot_be_read_counts_as_somebody() -> None:
    class Broken:
        def __contains__(self, _key: str) -> bool:
            raise DatabaseError

    assert answered(asked(Broken()))["Cache-Control"] == PRIVATE
    assert answered(asked())["Cache-Control"] == PRIVATE


def test_a_selection_without_a_login_is_nobody() -> None:
    assert "Cache-Control" not in answered(asked({"basket": "1"}))
