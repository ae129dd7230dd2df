"""What the applicant reads after the deposit: what is awaited, what was said, what may be done."""

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from requests_app.models import RequestState
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


def address(name: str, story: Story, *more: Any) -> str:
    return reverse(f"requests_app:{name}", args=[story.request.pk, *more])


def buttons(client: Client, story: Story) -> list[tuple[str, bool]]:
    """(label, primary) of what the request page offers, in its order."""
    page = BeautifulSoup(client.get(address("request", story)).content, "html.parser")
    found: list[Tag] = page.select("main .fr-btns-group a")
    return [
        (" ".join(tag.get_text().split()), "fr-btn--secondary" not in (tag.get("class") or []))
        for tag in found
    ]


def to_mend(story: Story, *, words: str) -> None:
    story.review("to_mend")
    story.do("completeness", "request_completion", by=story.world.secretariat, message=words)
    story.fresh()


def test_a_way_out_is_never_the_main_button(world: World) -> None:
    story = world.story()
    version = story.ask_signature()
    team, signs = client_for(world.investigator), client_for(world.representative)
    assert buttons(team, story) == [
        ("Déposer la version signée", True),
        ("Annuler la demande de signature", False),
        ("Retirer la demande", False),
    ]
    assert buttons(signs, story) == [("Signer et déposer la demande", True)]
    story.do("", "sign", by=world.representative, version=version, sha256=version.sha256)
    assert buttons(team, story) == [("Retirer la demande", False)]


def test_the_desks_words_stand_on_the_draft_with_the_last_warning(world: World) -> None:
    story = world.story()
    story.sign()
    client = client_for(world.investigator)
    to_mend(story, words="Précisez l’hébergement.")
    text = page_text(client.get(address("draft", story)))
    assert "Le secrétariat demande des compléments" in text
    assert "Précisez l’hébergement." in text
    assert "C’est la dernière demande" not in text
    assert "points à compléter" in text
    assert buttons(client, story)[0] == ("Compléter le dossier", True)
    story.review("pending")  # as new files would
    story.do("", "send_completion", by=world.investigator)
    story.fresh()
    assert "Précisez l’hébergement." not in page_text(client.get(address("draft", story)))
    to_mend(story, words="Encore l’hébergement.")
    text = page_text(client.get(address("draft", story)))
    assert "Encore l’hébergement." in text
    assert "C’est la dernière demande" in text


def test_the_file_may_be_corrected_before_the_answer(world: World) -> None:
    story = world.story()
    story.reach("answer")
    client = client_for(world.investigator)
    assert buttons(client, story) == [
        ("Répondre à l’avis", True),
        ("Corriger le dossier", False),
        ("Retirer la demande", False),
    ]
    text = page_text(client.get(address("draft", story)))
    assert "la version corrigée part avec votre réponse" in text
    assert "demander la signature" not in text
    stage = story.stage("answer")
    form = address("stage_act", story, stage.pk, "answer_points")
    page = client.get(form)
    assert address("draft", story) in page.content.decode()
    refused = client.post(form, {"answer_1": "Une réponse tapée."})
    assert "Indiquez si vous poursuivez ou si vous renoncez." in page_text(refused)
    assert "Une réponse tapée." in refused.content.decode()


@pytest.mark.parametrize("who", ["investigator", "named", "representative"])
def test_a_draft_is_given_up_by_its_team_without_a_reason(world: World, who: str) -> None:
    story = world.story()
    person: User = getattr(world, who)
    url = address("request_act", story, "withdraw")
    client_for(person).post(url, {"reason": "", "confirm": "on"})
    over = story.fresh().state == RequestState.WITHDRAWN
    assert over == (who == "investigator")
