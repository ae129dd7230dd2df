"""The opinion's PDF: made after the commit, once, with its number, version and fingerprint."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from requests_app.models import Opinion
from requests_app.workflow.tasks import make_documents
from tests.support.client import client_for, page_text
from tests.support.clock import legal_advance
from tests.support.factories import World


pytestmark = pytest.mark.django_db


def words(opinion: Opinion) -> str:
    assert opinion.document is not None
    with opinion.document.file.open("rb") as file:
        reader = PdfReader(BytesIO(file.read()))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_opinion_pdf() -> None:
    story = World().story()
    story.world.tied_member  # noqa: B018 - sits there, withdrawn by the machine
    story.sign()
    story.completeness()
    story.opinion()
    assert make_documents() == 1
    assert make_documents() == 0
    opinion = Opinion.objects.get()
    text = words(opinion)
    assert opinion.number in text
    assert opinion.version.sha256 in text
    assert story.fresh().number in text
    assert "favorable avec recommandations" in text.lower()
    assert "Réduire les variables." in text
    tied = str(story.world.tied_member)
    assert f"Écartés d’office (lien avec le dossier) {tied}" in text
    assert "déporté" not in text.lower()  # she did nothing
    reader = client_for(story.world.investigator)
    page = page_text(reader.get(f"/dossiers/{story.request.pk}/?onglet=avis"))
    page += page_text(reader.get(f"/dossiers/{story.request.pk}/"))
    assert f"Écartés d’office (lien avec le dossier) : {tied}" in page.replace("\xa0", " ")
    assert "Déportés" not in page
    for word in ("décision", "permis"):
        assert word not in text.lower()


def test_tacit_attestation() -> None:
    story = World().story()
    story.sign()
    story.completeness()
    legal_advance("60d")
    from requests_app.workflow.clock import run_due

    run_due()
    make_documents()
    text = words(Opinion.objects.get())
    assert "Attestation d’avis tacite" in text
    assert "réputé favorable" in text
