"""A form refused for another reason than its content gives back what was typed."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from portal.common.addresses import nearest_open, opens
from tests.consistency.test_urls import ALL
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World
from tests.support.people import PASSWORD, a_person


pytestmark = pytest.mark.django_db
LONG = "Une méthode solide, décrite avec soin."


@pytest.fixture
def opinion() -> tuple[Story, str, dict[str, str]]:
    """The president's opinion, five headings typed."""
    story = World().story().reach("opinion")
    stage = story.stage("opinion")
    path = reverse("requests_app:stage_act", args=[story.request.pk, stage.pk, "issue_opinion"])
    codes = list(story.procedure.stage("opinion").rubrics)
    return story, path, {f"heading_{code}": f"{LONG} {code}" for code in codes}


def sent_again(response: Any) -> tuple[str, dict[str, str]]:
    """Where the page sends what it holds, and the fields."""
    form = BeautifulSoup(response.content, "html.parser").select_one("main form[method=post]")
    assert form is not None
    assert "Envoyer de nouveau" in form.get_text()
    fields = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[name]")}
    return str(form["action"]), fields


def test_an_opinion_survives_the_end_of_the_session(
    opinion: tuple[Story, str, dict[str, str]],
) -> None:
    _story, path, typed = opinion
    refused = Client().post(path, typed)
    assert refused.status_code == 403
    assert refused["Cache-Control"] == "private, no-store"
    action, fields = sent_again(refused)
    assert action == path
    assert typed.items() <= fields.items()
    assert "next=%2Fdossiers%2F" in refused.content.decode()


def test_an_opinion_survives_a_login_in_another_tab(
    opinion: tuple[Story, str, dict[str, str]],
) -> None:
    story, path, typed = opinion
    client = client_for(story.world.president, verified=True, enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    refused = client.post(path, typed | {"csrfmiddlewaretoken": "y" * 64})
    assert refused.status_code == 403
    assert refused["Cache-Control"] == "private, no-store"
    assert "rechargez" not in page_text(refused)
    action, fields = sent_again(refused)
    assert typed.items() <= fields.items()
    answer = client.post(action, fields)  # with the token of the page that gave it back
    assert "Formulaire expiré" not in page_text(answer)  # it reached the page itself


def test_the_completeness_grid_survives_too() -> None:
    story = World().story().reach("completeness")
    path = reverse("requests_app:completeness", args=[story.request.pk])
    _action, fields = sent_again(Client().post(path, {"protocol-comment": LONG}))
    assert fields["protocol-comment"] == LONG


def test_a_password_is_never_written_into_a_page() -> None:
    client = Client(enforce_csrf_checks=True)
    refused = client.post(reverse("accounts:login"), {"username": "alix", "password": "secret-x"})
    assert "secret-x" not in refused.content.decode()
    assert "alix" in refused.content.decode()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://ailleurs.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
     {"Referer": "https://ailleurs.example/x"}],
)  # fmt: skip
def test_the_form_of_another_site_is_never_handed_over(headers: dict[str, str]) -> None:
    client = client_for(a_person("alix"), enforce_csrf_checks=True)
    refused = client.post(reverse("accounts:logout"), {"evil": "words"}, headers=headers)
    assert refused.status_code == 403
    assert refused["Cache-Control"] == "private, no-store"
    assert "words" not in refused.content.decode()


POST_ONLY = [
    ("/dossiers/00000000-0000-0000-0000-000000000007/brouillon/titre/",
     "/dossiers/00000000-0000-0000-0000-000000000007/brouillon/"),
    ("/compte/deconnexion/", "/compte/"),
    ("/ma-selection/ajouter/", "/ma-selection/"),
    ("/ma-selection/modifier/", "/ma-selection/"),
    ("/compte/conditions/accepter/", "/compte/conditions/"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "page"), POST_ONLY)
def test_next_never_leads_to_an_address_that_takes_post_only(address: str, page: str) -> None:
    assert nearest_open(address) == page
    a_person("alix", password=PASSWORD)
    sent = {"username": "alix", "password": PASSWORD, "next": address}
    assert Client().post(reverse("accounts:login"), sent)["Location"] == page


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_must_log_in_first_comes_back_to_a_page(method: str) -> None:
    answer = getattr(Client(), method)(POST_ONLY[0][0])
    assert answer["Location"].endswith("next=" + POST_ONLY[0][1])


def test_every_address_that_takes_post_only_is_told_from_those_that_open() -> None:
    client = client_for(a_person("alix"))
    client.raise_request_exception = False
    closed = [address for _name, address in ALL if not opens(address)]
    assert len(closed) > 10
    for address in [one for one in closed if not one.startswith(("/admin", "/api"))][:12]:
        answer = client.get(address)
        assert answer.status_code in {405, 403, 302}, address


def test_an_address_that_takes_post_only_says_so_with_a_way_on() -> None:
    answer = client_for(a_person("alix")).get("/compte/deconnexion/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "ne s’ouvre pas seule" in page_text(answer)
    assert b'href="/compte/"' in answer.content
