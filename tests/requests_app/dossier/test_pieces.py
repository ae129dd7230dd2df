"""Pieces of a draft: type by signature, size, waiver, history, download; persons of the file."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal.accounts.models import Invitation, User
from portal.accounts.signals import invitation_accepted
from portal.audit.models import AuditEvent
from requests_app import dossier
from requests_app.models import AccessRequest, Piece, RequestMember, StoredFile
from requests_app.permits import team
from requests_app.procedures.content import Row
from tests.support import pdfs
from tests.support.client import client_for, page_text
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db
PDF = pdfs.page("test")


@pytest.fixture
def alix() -> User:
    return person("alix", of=organisation("univ"))


@pytest.fixture
def file(alix: User, settings: Any, tmp_path: Any) -> AccessRequest:
    settings.MEDIA_ROOT = tmp_path
    catalogue()
    return draft(by=alix, of=organisation("univ"), rows=[Row(dataset="registre")])


def url(file: AccessRequest, code: str = "protocol") -> str:
    return reverse("requests_app:draft_piece", args=[file.pk, code])


def upload(name: str = "protocole.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/pdf")


def test_pieces_show_rule_template_and_formats(alix: User, file: AccessRequest) -> None:
    page = client_for(alix).get(reverse("requests_app:draft_step", args=[file.pk, "pieces"]))
    text = page_text(page)
    assert "Protocole scientifique" in text
    assert "Plan de protocole" in text
    assert "25 Mo au plus" in text
    assert text.count("Demander une dispense") == 2  # information letter and DPIA
    template = client_for(alix).get(
        reverse("requests_app:draft_piece_template", args=[file.pk, "protocol"])
    )
    assert "Plan d’analyse" in template.content.decode()


def test_a_new_file_replaces_without_erasing(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    assert client.post(url(file), {"file": upload()}).status_code == 302
    Piece.objects.update(review=Piece.Review.TO_MEND, review_comment="Illisible")
    client.post(url(file), {"file": upload("v2.pdf", pdfs.page("2"))})
    piece = Piece.objects.get(request=file, code="protocol")
    assert piece.file.name == "v2.pdf"
    assert piece.review == Piece.Review.PENDING
    assert StoredFile.objects.filter(request=file).count() == 2
    assert AuditEvent.objects.filter(action="request.upload_piece", about=file.pk).count() == 2
    client.post(url(file), {"file": upload("v2 (1).pdf", pdfs.page("2"))})  # the same bytes again
    assert Piece.objects.get(request=file, code="protocol").file.name == "v2.pdf"


def test_a_renamed_program_is_refused(alix: User, file: AccessRequest) -> None:
    response = client_for(alix).post(
        url(file), {"file": upload("p.pdf", b"MZ\x90\x00" + b"x" * 99)}
    )
    assert response.status_code == 422
    assert "n’est pas d’un format accepté" in page_text(response)
    assert not StoredFile.objects.exists()


def test_sixty_megabytes_are_refused_with_what_to_do(alix: User, file: AccessRequest) -> None:
    big = upload("gros.pdf", PDF + b"0" * (60 * 1024 * 1024))
    response = client_for(alix).post(url(file), {"file": big})
    assert response.status_code == 413  # from its length alone
    assert "dépasse 25 Mo" in page_text(response)
    assert "Réduisez le fichier ou découpez-le" in page_text(response)
    assert not StoredFile.objects.exists()


def test_a_file_just_too_large_is_told_at_its_field(alix: User, file: AccessRequest) -> None:
    big = upload("gros.pdf", PDF + b"0" * (25 * 1024 * 1024))
    response = client_for(alix).post(url(file), {"file": big})
    assert response.status_code == 422
    assert "Le fichier dépasse 25 Mo. Réduisez-le ou découpez-le." in page_text(response)
    assert not StoredFile.objects.exists()


def test_nothing_chosen_and_unknown_piece(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    assert "Choisissez un fichier." in page_text(client.post(url(file), {}))
    assert client.post(url(file, "inconnue"), {"file": upload()}).status_code == 404


def test_waiver_needs_a_reason_and_a_waivable_piece(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    letter = url(file, "information_letter")
    assert "Expliquez pourquoi" in page_text(client.post(letter, {"waive": "1"}))
    client.post(letter, {"waive": "1", "waiver_reason": "Personnes perdues de vue."})
    labels = [m.label for m in dossier.missing_items(file) if m.section == "pieces"]
    assert "Lettre d’information des personnes" not in labels
    refused = client.post(url(file), {"waive": "1", "waiver_reason": "Non"})
    assert "ne peut pas faire l’objet d’une dispense" in page_text(refused)
    client.post(letter, {"file": upload()})
    assert Piece.objects.get(code="information_letter").waiver_reason == ""
    client.post(letter, {"remove": "1"})
    assert Piece.objects.get(code="information_letter").file is None


def test_download_is_checked_recorded_and_never_shown_inline(
    alix: User, file: AccessRequest
) -> None:
    client = client_for(alix)
    client.post(url(file), {"file": upload("étude n° 1.pdf")})
    stored = StoredFile.objects.get()
    address = reverse("requests_app:file", args=[file.pk, stored.pk])
    response = client.get(address)
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    client.get(address)
    assert AuditEvent.objects.filter(action="request.download").count() == 2
    stranger = client_for(person("autre", of=organisation("univ")))
    assert stranger.get(address).status_code == 404
    other = draft(by=alix, of=organisation("univ"))
    elsewhere = reverse("requests_app:file", args=[other.pk, stored.pk])
    assert client.get(elsewhere).status_code == 404


def test_another_teams_pieces_do_not_exist(file: AccessRequest) -> None:
    stranger = client_for(person("autre", of=organisation("univ")))
    assert stranger.post(url(file), {"file": upload()}).status_code == 404
    assert not StoredFile.objects.exists()


# --- Persons ------------------------------------------------------------------------------


def persons_url(file: AccessRequest) -> str:
    return reverse("requests_app:draft_step", args=[file.pk, "personnes"])


def test_inviting_sends_a_link_and_accepting_gives_the_place(
    alix: User, file: AccessRequest, mailoutbox: list[Any]
) -> None:
    client = client_for(alix)
    response = client.post(persons_url(file), {"email": "sacha@example.org", "kind": "named"})
    assert response.status_code == 302
    invitation = Invitation.objects.get(request_id=file.pk)
    assert "sacha@example.org" in page_text(client.get(persons_url(file)))
    sacha = person("sacha")
    invitation_accepted.send(sender=None, invitation=invitation, user=sacha)
    member = RequestMember.objects.get(request=file, user=sacha)
    assert (member.kind, member.has_data_access) == ("named", True)
    assert client_for(sacha).get(persons_url(file)).status_code == 404  # sees no file
    invitation_accepted.send(sender=None, invitation=invitation, user=sacha)
    assert RequestMember.objects.filter(user=sacha).count() == 1


def test_who_is_there_is_not_invited_again(alix: User, file: AccessRequest) -> None:
    response = client_for(alix).post(
        persons_url(file), {"email": "ALIX@example.org", "kind": "editor"}
    )
    assert response.status_code == 422
    assert "déjà dans le dossier" in page_text(response)
    assert 'value="ALIX@example.org"' in response.content.decode()


def test_data_access_is_given_and_taken(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    member = file.members.get()
    address = reverse("requests_app:member_data_access", args=[file.pk, member.pk])
    client.post(address, {"has_data_access": "yes"})
    member.refresh_from_db()
    assert member.has_data_access
    assert not [m for m in dossier.missing_items(file) if m.section == "persons"]
    other = draft(by=alix, of=organisation("univ"))
    foreign = reverse("requests_app:member_data_access", args=[other.pk, member.pk])
    assert client.post(foreign, {"has_data_access": "no"}).status_code == 404


def test_removal_is_confirmed_and_the_last_investigator_stays(
    alix: User, file: AccessRequest
) -> None:
    client = client_for(alix)
    sacha = person("sacha")
    member = RequestMember.objects.create(
        request=file, user=sacha, kind=RequestMember.Kind.NAMED, added_by=alix
    )
    address = reverse("requests_app:member_remove", args=[file.pk, member.pk])
    assert "son accès se ferme tout de suite" in page_text(client.get(address))
    assert client.post(address).status_code == 302
    member.refresh_from_db()
    assert member.removed_by == alix
    assert client.post(address).status_code == 404  # a second click finds nobody
    mine = reverse("requests_app:member_remove", args=[file.pk, file.members.get(user=alix).pk])
    assert client.get(mine).status_code == 403


def test_after_deposit_only_the_investigator_removes_with_a_reason(
    alix: User, file: AccessRequest
) -> None:
    sacha, named = person("sacha"), person("named")
    for user, kind in ((sacha, RequestMember.Kind.EDITOR), (named, RequestMember.Kind.NAMED)):
        RequestMember.objects.create(request=file, user=user, kind=kind, added_by=alix)
    AccessRequest.objects.filter(pk=file.pk).update(number="GUI-2027-0001")
    member = file.members.get(user=named)
    address = reverse("requests_app:member_remove", args=[file.pk, member.pk])
    assert client_for(sacha).post(address, {"reason": "x"}).status_code == 403
    client = client_for(alix)
    assert "Indiquez le motif." in page_text(client.post(address, {"reason": " "}))
    client.post(address, {"reason": "A quitté l’équipe"})
    member.refresh_from_db()
    assert member.removed_at is not None


def test_representative_is_told_when_nobody_can_sign(alix: User, file: AccessRequest) -> None:
    text = page_text(client_for(alix).get(persons_url(file)))
    assert "Personne n’a encore la capacité confirmée de signer" in text
    sent = team.invite(
        file, email="chef@example.org", kind=RequestMember.Kind.REPRESENTATIVE, by=alix
    )
    assert sent.organisation == file.organisation


def test_waiver_text_never_becomes_markup(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    client.post(url(file, "dpia"), {"waive": "1", "waiver_reason": "<b>non</b>"})
    page = client.get(reverse("requests_app:draft_step", args=[file.pk, "pieces"]))
    assert "&lt;b&gt;non&lt;/b&gt;" in page.content.decode()


def test_text_upload_is_streamed_by_chunks(alix: User, file: AccessRequest) -> None:
    """A file larger than memory's share goes through a temporary file, and is stored whole."""
    body = pdfs.page("x" * (3 * 1024 * 1024))
    response = client_for(alix).post(
        url(file), {"file": SimpleUploadedFile("p.pdf", io.BytesIO(body).read())}
    )
    assert response.status_code == 302
    assert StoredFile.objects.get().size == len(body)
