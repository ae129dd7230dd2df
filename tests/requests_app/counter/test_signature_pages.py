"""Freezing, signing and its documents: one page, one button, a fingerprint of what was signed."""

import io
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from portal.accounts.models import Membership
from requests_app import dossier
from requests_app.counter.reading import draft_steps
from requests_app.models import AccessRequest, RequestState, RequestVersion
from tests.support import pdfs
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World
from tests.support.queries import assert_query_count


pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


@pytest.fixture
def story(world: World) -> Story:
    return world.story()


def page(name: str, story: Story, *more: object) -> str:
    return reverse(f"requests_app:{name}", args=[story.request.pk, *more])


def sign_fields(client: Client, story: Story) -> dict[str, str]:
    soup = BeautifulSoup(client.get(page("sign", story)).content, "html.parser")
    return {
        name: soup.select_one(f"main input[name={name}]")["value"] for name in ("version", "sha256")
    }


def test_summary_asks_then_freezes_with_a_fingerprint(story: Story, world: World) -> None:
    client = client_for(world.investigator)
    summary = draft_steps.url_of(story.request, "summary")
    assert "Demander la signature" in page_text(client.get(summary))
    response = client.post(page("ask_signature", story), follow=True)
    assert "Version 1, arrêtée le" in page_text(response)
    version = RequestVersion.objects.get()
    assert version.sha256 == dossier.fingerprint(version.content)
    again = client.post(page("ask_signature", story), follow=True)
    assert RequestVersion.objects.count() == 1
    assert again.status_code == 200


def test_nothing_is_frozen_while_something_is_missing(story: Story, world: World) -> None:
    content = dict(story.request.content)
    content["duration"] = {"months": None}
    AccessRequest.objects.update(content=content)
    client = client_for(world.investigator)
    summary = draft_steps.url_of(story.request, "summary")
    assert "1 point manque avant la signature" in page_text(client.get(summary))
    response = client.post(page("ask_signature", story), follow=True)
    assert "Il manque : Durée d’accès demandée." in page_text(response)
    assert not RequestVersion.objects.exists()


def test_representative_reads_one_version_and_signs_it(story: Story, world: World) -> None:
    version = story.ask_signature()
    client = client_for(world.representative, verified=True)
    text = page_text(client.get(page("sign", story)))
    assert version.sha256 in text
    assert "Une étude de test." in text
    assert "Signer et déposer" in text
    fields = sign_fields(client, story)
    refused = client.post(page("sign", story), fields)
    assert refused.status_code == 422
    assert "Cochez cette case pour signer." in page_text(refused)
    response = client.post(page("sign", story), fields | {"confirm": "on"}, follow=True)
    assert "La demande est signée et déposée" in page_text(response)
    request = story.fresh()
    assert request.state == RequestState.SUBMITTED
    assert request.number
    second = client.post(page("sign", story), fields | {"confirm": "on"}, follow=True)
    assert "déjà signée" in page_text(second)


def test_a_stale_fingerprint_is_refused(story: Story, world: World) -> None:
    story.ask_signature()
    client = client_for(world.representative, verified=True)
    fields = sign_fields(client, story)
    response = client.post(page("sign", story), fields | {"sha256": "0" * 64, "confirm": "on"})
    assert response.status_code == 422
    assert "L’empreinte n’est pas celle" in page_text(response)
    assert story.fresh().state == RequestState.AWAITING_SIGNATURE


def test_a_member_without_the_capacity_does_not_sign(story: Story, world: World) -> None:
    story.ask_signature()
    client = client_for(world.investigator, verified=True)
    text = page_text(client.get(page("sign", story)))
    assert "Signer et déposer" not in text
    version = RequestVersion.objects.get()
    fields = {"version": version.number, "sha256": version.sha256, "confirm": "on"}
    assert client.post(page("sign", story), fields).status_code == 422
    assert story.fresh().state == RequestState.AWAITING_SIGNATURE
    assert client_for(world.named).get(page("sign", story)).status_code == 404
    assert client_for(world.holder_a_rep, verified=True).get(page("sign", story)).status_code == 404


def test_who_signs_reads_all_that_the_fingerprint_covers(story: Story, world: World) -> None:
    story.request.orientation = {"involves_persons": False, "public_mission": True}
    story.request.save()
    story.ask_signature()
    client = client_for(world.representative, verified=True)
    shown = page_text(client.get(page("sign", story)))
    pdf = PdfReader(io.BytesIO(client.get(page("version_pdf", story, 1)).content))
    printed = "".join("".join(p.extract_text() for p in pdf.pages).split())
    for words in ("implique-t-elle la personne humaine", "12\u202f000", "Engagement pris."):
        assert "".join(words.split()) in "".join(shown.split())
        assert "".join(words.split()) in printed
    assert "Date,nom,qualitéetsignature" in printed


def test_editing_again_cancels_the_demand_and_makes_another_version(
    story: Story, world: World
) -> None:
    story.ask_signature()
    client = client_for(world.investigator)
    cancel = page("cancel_signature", story)
    assert "La version 1 ne pourra plus être signée." in page_text(client.get(cancel))
    client.post(cancel)
    assert story.fresh().state == RequestState.DRAFT
    data = dossier.section_of(story.request, "duration") | {"months": 36}
    dossier.save_section(story.request, "duration", data, by=world.investigator, revision=99)
    client.post(page("ask_signature", story))
    assert [v.status for v in RequestVersion.objects.order_by("number")] == [
        "cancelled",
        "awaiting",
    ]
    text = page_text(client.get(page("version_differences", story, 2)))
    assert "Ce qui a changé depuis la version 1 (annulée)" in text
    assert "Durée d’accès demandée (mois) 24 36" in text


def test_a_completed_file_shows_what_changed_and_goes_back(story: Story, world: World) -> None:
    story.sign()
    story.review("to_mend")
    story.do("completeness", "request_completion", by=world.secretariat, message="Reprenez.")
    story.fresh()
    client = client_for(world.investigator)
    summary = draft_steps.url_of(story.request, "summary")
    assert "à corriger" in page_text(client.get(summary))
    for piece in story.request.pieces.filter(file__isnull=False):
        url = reverse("requests_app:draft_piece", args=[story.request.pk, piece.code])
        sent = SimpleUploadedFile(f"{piece.code}-2.pdf", pdfs.page(piece.code))
        client.post(url, {"file": sent})
    text = page_text(client.get(summary))
    assert "Ce qui a changé depuis la version 1" in text
    assert "protocol-2.pdf" in text
    assert "Demander la signature" in text  # the protocol is covered by the signature


def test_documents_name_what_was_signed(story: Story, world: World) -> None:
    story.sign()
    client = client_for(world.investigator)
    version = RequestVersion.objects.get()
    for url in (
        page("version_pdf", story, 1),
        reverse("requests_app:receipt", args=[story.request.pk, "depot"]),
    ):
        response = client.get(url)
        text = "".join(p.extract_text() for p in PdfReader(io.BytesIO(response.content)).pages)
        folded = "".join(text.split())
        assert version.sha256 in folded
        assert story.request.number in text
        assert response["Content-Disposition"].startswith("attachment")
    assert client.get(page("receipt", story, "complet")).status_code == 404
    story.completeness()
    assert client.get(page("receipt", story, "complet")).status_code == 200
    for stranger in (world.named, world.holder_a_rep, world.operator):
        assert client_for(stranger, verified=True).get(url).status_code == 404


def test_pages_stay_in_their_budget(story: Story, world: World) -> None:
    story.ask_signature()
    client = client_for(world.representative, verified=True)
    client.get(page("sign", story))
    with assert_query_count(25):
        client.get(page("sign", story))


@pytest.mark.parametrize("asks", [True, False])
def test_a_representative_who_may_not_sign_yet_reads_on_each_page_what_lacks(
    story: Story, world: World, asks: bool
) -> None:
    """The file is where an accepted invitation leads: never a demand alone, nor others' work."""
    Membership.objects.filter(user=world.representative).update(
        confirmed_at=None, can_sign_since=None, asks_to_sign=asks
    )
    version = story.ask_signature()
    client = client_for(world.representative, verified=True)
    lacks = "n’est pas encore confirmée" if asks else "Demandez depuis « Mon compte »"
    shown = client.get(page("request", story))
    for response in (shown, client.get(page("sign", story))):
        text = page_text(response)
        assert lacks in text
        assert "le secrétariat du guichet" in text
        assert "invitez" not in text
    assert page("sign", story) in shown.content.decode()
    Membership.objects.filter(user=world.representative).update(
        confirmed_at=timezone.now(), can_sign_since=timezone.now(), asks_to_sign=False
    )
    assert "Vous ne pouvez pas encore signer" not in page_text(client.get(page("request", story)))
    story.do("", "sign", by=world.representative, version=version, sha256=version.sha256)
    Membership.objects.filter(user=world.representative).update(can_sign_since=None)
    assert "Vous ne pouvez pas encore signer" not in page_text(client.get(page("request", story)))


def test_a_signatory_is_led_only_to_versions_that_open(story: Story) -> None:
    """On paper, another may have signed: the file's page offers what its links open."""
    version = story.ask_signature()
    address = f"{page('request', story)}?onglet=dossier"
    client = client_for(story.world.representative, verified=True)
    offered = []
    for signed in (False, True):
        if signed:
            story.deposit_paper()
            story.verify_paper(version)
        soup = BeautifulSoup(client.get(address).content, "html.parser")
        links = [
            str(one["href"]) for one in soup.find_all("a") if "/versions/" in str(one.get("href"))
        ]
        offered.append(page("version_pdf", story, version.number) in links)
        assert {client.get(link).status_code for link in links} <= {200}, links
    assert offered == [True, False]
