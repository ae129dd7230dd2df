"""A signed paper and a PDF to sign hold every answer: they are for who reads them all."""

from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from portal.accounts.models import Role, User
from requests_app import dossier
from requests_app.dossier import version_pdf
from requests_app.models import AccessRequest, Act, RequestState, RequestVersion, StoredFile
from requests_app.rights import permissions
from tests.support import odd_form
from tests.support.client import client_for, page_text
from tests.support.factories import stored_file, user
from tests.support.requests import draft, organisation, person


pytestmark = pytest.mark.django_db

OUTSIDE = frozenset({"content", "summary", "purpose", "versions", "card"})  # `cout` is in `notes`


@pytest.fixture
def team() -> User:
    return person("alix", of=organisation("univ"))


@pytest.fixture
def version(team: User, monkeypatch: pytest.MonkeyPatch) -> RequestVersion:
    odd_form.install(monkeypatch)
    file = draft(by=team, of=organisation("univ"), procedure=odd_form.CODE)
    file.content = odd_form.answers()
    file.number, file.state = "GUI-2026-0042", RequestState.SUBMITTED
    file.submitted_at = timezone.now()
    file.save()
    frozen = dossier.snapshot(file)
    now = timezone.now()
    return RequestVersion.objects.create(
        request=file,
        number=1,
        content=frozen,
        sha256=dossier.fingerprint(frozen),
        status=RequestVersion.Status.SIGNED,
        frozen_by=team,
        frozen_at=now,
        signed_at=now,
        signature=RequestVersion.Signature.PAPER,
        signatory="Anne Martin",
        signed_file=stored_file(file, by=team),
    )


def paper(version: RequestVersion, team: User) -> Act:
    now = timezone.now()
    return Act.objects.create(
        request=version.request,
        code="deposit_paper",
        version=version,
        document=stored_file(version.request, by=team),
        entered_by=team,
        entered_at=now,
        effective_at=now,
    )


def opens(who: User, stored: StoredFile | None) -> bool:
    assert stored is not None
    return permissions.files_visible_to(who).filter(pk=stored.pk).exists()


def tab(who: User, file: AccessRequest, name: str) -> str:
    url = reverse("requests_app:request", args=[file.pk])
    return page_text(client_for(who, verified=True).get(url, {"onglet": name}))


def test_a_signed_paper_is_for_who_reads_every_answer_and_who_signs(
    version: RequestVersion, team: User
) -> None:
    file, link = version.request, "Version signée qui a été déposée"
    before = paper(version, team)  # handed in once, refused: no version's any more
    legal, dpo = user("juriste", role=Role.LEGAL_OFFICER), user("dpo", role=Role.DPO)
    assert not permissions.reads_whole(file, permissions.parts_visible(dpo, file))
    for who, whole in ((legal, True), (team, True), (dpo, False)):
        assert opens(who, version.signed_file) is whole, who
        assert opens(who, before.document) is whole, who
        assert (link in tab(who, file, "dossier")) is whole, who
        changes = reverse("requests_app:version_differences", args=[file.pk, 1])
        shown = client_for(who, verified=True).get(changes)
        assert (link in page_text(shown)) is whole, who
        urls = [reverse("requests_app:file", args=[file.pk, before.document_id])]
        exchanged = client_for(who, verified=True).get(
            reverse("requests_app:request", args=[file.pk]), {"onglet": "echanges"}
        )
        assert (urls[0] in exchanged.content.decode()) is whole, who


def test_where_every_answer_is_read_the_paper_is_too(version: RequestVersion, team: User) -> None:
    AccessRequest.objects.filter(pk=version.request_id).update(procedure_code="fr-cnil-standard")
    dpo = user("dpo", role=Role.DPO)
    assert opens(dpo, version.signed_file)
    assert not opens(user("operateur", role=Role.OPERATOR), version.signed_file)


def text_of(version: RequestVersion, parts: frozenset[str] | None) -> str:
    pages = PdfReader(BytesIO(version_pdf.version_pdf(version, parts))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_document_that_leaves_answers_out_says_so_and_is_not_signed(
    version: RequestVersion,
) -> None:
    version.status = RequestVersion.Status.AWAITING
    whole, extract = text_of(version, None), text_of(version, OUTSIDE)
    assert "Coût prévu" in whole
    assert "Extrait" not in whole
    assert "Date, nom, qualité et signature" in whole
    assert "Coût prévu" not in extract
    assert "Extrait : des réponses que vous n’avez pas à lire n’y figurent pas" in extract
    assert "Date, nom, qualité et signature" not in extract
    assert "En signant" not in extract
    assert "Extrait" not in text_of(version, OUTSIDE | {"notes"})
    titles = [part["title"] for part in version_pdf.frozen_sections(version, frozenset({"notes"}))]
    assert "Les moyens" in titles
    assert "Le projet" not in titles  # nothing in it is read
