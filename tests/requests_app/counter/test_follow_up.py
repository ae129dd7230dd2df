"""What the applicant reads after the deposit: what is awaited, what was said, what may be done."""

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from requests_app import dossier
from requests_app.models import AccessRequest, RequestState
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
    team, signs = client_for(world.investigator), client_for(world.representative, verified=True)
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
    client_for(person, verified=True).post(url, {"reason": "", "confirm": "on"})
    over = story.fresh().state == RequestState.WITHDRAWN
    assert over == (who == "investigator")


def test_the_timeline_starts_with_the_draft_and_its_signature(world: World) -> None:
    story = world.story()
    team, signs = client_for(world.investigator), client_for(world.representative, verified=True)
    text = page_text(team.get(address("request", story)))
    assert "Rédaction du dossier en cours" in text
    assert "Contrôle de complétude (à venir)" in text
    story.ask_signature()
    for client in (team, signs):
        text = page_text(client.get(address("request", story)))
        assert "Signature du représentant légal en cours" in text
    assert "(à venir)" not in page_text(signs.get(address("request", story)))


def test_exchanges_follow_each_other_with_their_versions(world: World) -> None:
    story = world.story()
    story.sign()
    to_mend(story, words="Précisez l’hébergement.")
    story.review("pending")
    story.do("", "send_completion", by=world.investigator)
    story.fresh()
    story.completeness()
    url = address("request", story)
    for reader in (client_for(world.investigator), client_for(world.secretariat, verified=True)):
        text = page_text(reader.get(url, {"onglet": "echanges"}))
        order = [text.index(words) for words in ("Demande signée", "Précisez", "Version 2")]
        assert order == sorted(order)
    for stranger in (world.representative, world.holder_a_rep):
        text = page_text(client_for(stranger, verified=True).get(url, {"onglet": "echanges"}))
        assert "Précisez l’hébergement." not in text


def test_answers_are_read_among_the_exchanges(world: World) -> None:
    story = world.story()
    story.reach("referral")
    text = page_text(
        client_for(world.investigator).get(address("request", story), {"onglet": "echanges"})
    )
    assert "Point 1 :" in text


def test_what_is_over_is_taken_up_in_a_new_draft(world: World) -> None:
    story = world.story()
    story.sign()
    client = client_for(world.investigator)
    copy = address("copy_request", story)
    assert client.post(copy).status_code == 302  # under way: nothing is made
    assert AccessRequest.objects.count() == 1
    story.do("", "withdraw", by=world.investigator, reason="Autre méthode.")
    story.fresh()
    text = page_text(client.get(address("request", story)))
    assert "Ce que vous pouvez encore faire" in text
    for stranger in (world.named, world.representative, world.secretariat, world.holder_a_rep):
        assert client_for(stranger, verified=True).post(copy).status_code == 404
    client.post(copy)
    new = AccessRequest.objects.exclude(pk=story.request.pk).get()
    assert (new.state, new.number, new.title) == ("draft", None, story.request.title)
    assert new.content["specification"] == dossier.section_of(story.request, "specification")
    assert new.datasets.count() == story.request.datasets.count()
    assert not new.pieces.exists()
    assert {one.section for one in dossier.missing_items(new)} == {"persons", "pieces"}
