"""What is stored is used or gone: a refused, raced, repeated or killed upload leaves nothing."""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from requests_app.committee import opinion_document
from requests_app.dossier import pdf_check, pieces
from requests_app.dossier.saving import NotEditable
from requests_app.dossier.tasks import forget_lost_files
from requests_app.models import AccessRequest, Act, Opinion, Piece, RequestVersion, StoredFile
from tests.support import pdfs
from tests.support.client import client_for
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def world() -> World:
    return World()


def sent(words: str = "x") -> SimpleUploadedFile:
    return SimpleUploadedFile("piece.pdf", pdfs.page(words), content_type="application/pdf")


def kept(media: Path) -> tuple[int, int]:
    """Rows and files."""
    files = [path for path in media.rglob("*") if path.is_file()]
    return StoredFile.objects.count(), len(files)


def code_of(request: AccessRequest) -> str:
    piece = Piece.objects.filter(request=request).first()
    assert piece is not None
    return piece.code


def test_the_same_piece_sent_three_times_is_one_file(world: World, media: Path) -> None:
    request = world.draft()
    before, code = kept(media), code_of(request)
    for _ in range(3):
        pieces.attach(request, code, sent(), by=world.investigator)
    assert kept(media) == (before[0] + 1, before[1] + 1)
    stored = Piece.objects.get(request=request, code=code).file
    assert stored is not None
    assert stored.kept_at is not None
    assert stored.file.read() == pdfs.page("x")


def test_a_piece_that_comes_after_the_signature_was_asked_is_not_kept(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = world.draft()
    before, code = kept(media), code_of(request)
    monkeypatch.setattr(pieces, "_locked", raising(NotEditable()))  # between check and lock
    with pytest.raises(NotEditable):
        pieces.attach(request, code, sent(), by=world.investigator)
    assert kept(media) == before


def raising(error: BaseException) -> Any:
    def call(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize("error", [OSError(28, "plein"), KeyboardInterrupt()])
def test_bytes_that_cannot_be_written_leave_no_row(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    request = world.draft()
    before, code = kept(media), code_of(request)
    monkeypatch.setattr(FileSystemStorage, "_save", raising(error))
    with pytest.raises(type(error)):
        pieces.attach(request, code, sent(), by=world.investigator)
    assert kept(media) == before


def test_an_act_refused_repeated_or_not_theirs_keeps_no_document(world: World, media: Path) -> None:
    story = world.story(procedure="fr-mr-007").reach("conformity")
    client = client_for(world.legal_officer, verified=True)
    path = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("conformity").pk, "record_conformity"],
    )
    before = kept(media)
    day = timezone.localdate().isoformat()
    fields = {"effective_on": day, "reference": "MR7-1", "confirm": "on"}
    late = client.post(path, fields | {"effective_on": "1999-01-01", "document": sent()})
    assert late.status_code == 422
    assert kept(media) == before
    other = client_for(world.operator, verified=True)
    assert other.post(path, fields | {"document": sent()}).status_code in {403, 404}
    assert kept(media) == before
    assert client.post(path, fields | {"document": sent()}).status_code == 302
    once = kept(media)
    assert once == (before[0] + 1, before[1] + 1)
    again = client.post(path, fields | {"document": sent()}, follow=True)
    assert "déjà fait" in again.content.decode()
    assert kept(media) == once
    other_letter = client.post(path, fields | {"document": sent("autre")})
    assert other_letter.status_code == 422  # another document is another act, not a second click
    assert kept(media) == once
    assert Act.objects.filter(code="record_conformity").count() == 1


def test_a_file_sent_while_others_are_looked_at_is_asked_again_with_nothing_typed_lost(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(world, world.draft())
    code = code_of(story.request)
    pieces.attach(story.request, code, sent("before"), by=world.investigator)
    before = kept(media)
    monkeypatch.setattr(pdf_check, "problem", lambda file, locks: pdf_check.BUSY)
    team = client_for(world.investigator, verified=True)
    piece = team.post(
        reverse("requests_app:draft_piece", args=[story.request.pk, code]), {"file": sent("after")}
    )
    version = story.ask_signature()
    typed = {"signatory": "other", "signatory_name": "Élodie Martin", "signatory_capacity": "DG"}
    paper = team.post(
        reverse("requests_app:sign", args=[story.request.pk]),
        {"version": version.number, "sha256": version.sha256, "paper": "1", "file": sent()} | typed,
    )
    for page in (piece, paper):
        assert page.status_code == 422
        shown = BeautifulSoup(page.content, "html.parser")
        said = shown.find_all(string=re.compile("réessayez dans une minute"))[-1]
        assert said.find_parent(id=re.compile("file")), said.find_parent("div")
    assert 'value="Élodie Martin"' in paper.content.decode()
    assert 'value="DG"' in paper.content.decode()
    assert kept(media) == before
    assert Piece.objects.get(request=story.request, code=code).file is not None


def test_an_opinion_s_document_made_twice_at_once_is_one_file(world: World, media: Path) -> None:
    story = world.story().reach("answer")
    opinion = Opinion.objects.get(request=story.request)
    real, calls = opinion_document.render_pdf, []

    def meanwhile(*args: Any) -> bytes:
        calls.append(1)
        if len(calls) == 1:
            assert opinion_document.write_opinion_document(opinion.pk)
        return real(*args)

    before = kept(media)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opinion_document, "render_pdf", meanwhile)
        assert not opinion_document.write_opinion_document(opinion.pk)
    assert kept(media) == (before[0] + 1, before[1] + 1)


def test_what_a_killed_upload_left_is_forgotten_after_a_day(world: World, media: Path) -> None:
    story = Story(world, world.draft())
    request = story.request

    def left(words: str) -> StoredFile:
        """As a worker killed inside the `with` leaves it."""
        one = StoredFile(request=request, name=words, size=1, sha256="0" * 64)
        one.file.save(words, ContentFile(words.encode()), save=False)
        one.save(force_insert=True)
        StoredFile.objects.filter(pk=one.pk).update(uploaded_at=timezone.now() - timedelta(days=2))
        return one

    lost, young, used, frozen = left("a"), left("b"), left("c"), left("d")
    StoredFile.objects.filter(pk=young.pk).update(uploaded_at=timezone.now())
    Piece.objects.filter(request=request, code=code_of(request)).update(file=used)
    story.ask_signature()
    version = RequestVersion.objects.get(request=request)
    version.content["pieces"] = [{"file": str(frozen.pk)}]
    RequestVersion.objects.filter(pk=version.pk).update(content=version.content)
    replaced = pieces_superseded(request)
    assert forget_lost_files() == 1
    assert forget_lost_files() == 0
    assert not StoredFile.objects.filter(pk=lost.pk).exists()
    assert not (media / lost.file.name).exists()
    there = {young.pk, used.pk, frozen.pk, replaced.pk}
    assert set(StoredFile.objects.values_list("pk", flat=True)) >= there


def pieces_superseded(request: AccessRequest) -> StoredFile:
    """A file that was a piece and is no more: kept once, it is nobody's to tidy away."""
    return StoredFile.objects.create(
        request=request, name="a", size=1, sha256="0" * 64, kept_at=timezone.now()
    )


def test_every_file_is_stored_through_the_one_door() -> None:
    """`StoredFile(` only where the row and its bytes stand and fall together; `store` in `with`."""
    makers: set[str] = set()
    loose: list[str] = []
    for path in (site.BASE_DIR / "requests_app").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {
            id(item.context_expr)
            for node in ast.walk(tree)
            if isinstance(node, ast.With)
            for item in node.items
        }
        held |= {
            id(argument)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("enter_context")
            for argument in node.args
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in {"StoredFile", "StoredFile.objects.create"}:
                makers.add(path.name)
            if called in {"uploads.store", "uploads.written"} and id(node) not in held:
                loose.append(f"{path.name}:{node.lineno}")
    assert makers == {"uploads.py", "opinion_document.py"}
    assert loose == []
