"""A PDF that is kept opens, and holds nothing but pages to read."""

import io
import tempfile
from collections.abc import Callable

import pikepdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile

from requests_app import pdf_check, uploads
from tests.support import pdfs


def examined(content: bytes) -> str:
    return pdf_check.examine(io.BytesIO(content))


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n", b"\0" * 20, b"-" * 1000])
def test_what_precedes_the_marker_does_not_count(before: bytes) -> None:
    content = before + pdfs.made(pdfs.harmless)
    assert examined(content) == pdf_check.FINE
    assert uploads.content_type(SimpleUploadedFile("a.pdf", content)) == uploads.PDF


def test_a_marker_after_the_first_kibibyte_is_no_marker() -> None:
    late = SimpleUploadedFile("a.pdf", b"\0" * 1024 + pdfs.made())
    assert uploads.content_type(late) != uploads.PDF
    assert uploads.content_type(SimpleUploadedFile("a.pdf", b"MZ" + pdfs.made())) != uploads.PDF


@pytest.mark.parametrize(
    "change",
    [pdfs.with_attachment, pdfs.with_attachment_of_an_annotation],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_inside_is_found(change: Callable[[pikepdf.Pdf], None], packed: bool) -> None:
    mode = pikepdf.ObjectStreamMode
    content = pdfs.made(change, object_stream_mode=mode.generate if packed else mode.disable)
    assert examined(content) == pdf_check.EMBEDDED


@pytest.mark.parametrize(
    "change",
    [
        pdfs.on_opening,
        pdfs.hidden_name,
        pdfs.in_names,
        pdfs.launching,
        pdfs.in_a_field,
        pdfs.of_a_page,
        pdfs.after_another_action,
        pdfs.xfa,
        pdfs.rich_media,
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("packed", [True, False])
def test_what_would_run_is_found_wherever_it_is(
    change: Callable[[pikepdf.Pdf], None], packed: bool
) -> None:
    mode = pikepdf.ObjectStreamMode
    content = pdfs.made(change, object_stream_mode=mode.generate if packed else mode.disable)
    assert examined(content) == pdf_check.ACTIVE


def test_what_does_not_open_is_refused() -> None:
    whole = pdfs.made()
    for broken in (b"%PDF-1.7\nhello", b"%PDF-1.4 not even a pdf", whole[:200], b"%PDF-"):
        assert examined(broken) in {pdf_check.UNREADABLE, pdf_check.NO_PAGE}
    plain = pdfs.made(object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert examined(plain[:-60]) in {pdf_check.TRUNCATED, pdf_check.UNREADABLE}


def test_encryption_and_no_page_are_told() -> None:
    for user in ("secret", ""):
        lock = pikepdf.Encryption(owner="o", user=user)
        assert examined(pdfs.made(encryption=lock)) == pdf_check.ENCRYPTED

    def emptied(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[0]

    assert examined(pdfs.made(emptied)) == pdf_check.NO_PAGE


def test_more_than_can_be_looked_at_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Data = pikepdf.Array([pikepdf.Array([]) for _ in range(200)])

    assert examined(pdfs.made(crowded)) == pdf_check.FINE
    monkeypatch.setattr(pdf_check, "MAX_NODES", 100)
    assert examined(pdfs.made(crowded)) == pdf_check.TOO_COMPLEX


def test_the_file_is_opened_by_a_process_of_its_own_with_bounds() -> None:
    assert pdf_check.problem(io.BytesIO(pdfs.page())) == pdf_check.FINE
    with tempfile.TemporaryFile() as file:
        file.write(pdfs.made(pdfs.on_opening))
        assert pdf_check.problem(file) == pdf_check.ACTIVE
        assert file.tell() == 0
    assert pdf_check.problem(io.BytesIO(pdfs.bomb())) != pdf_check.FINE


def test_every_refusal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = set()
    for problem in pdf_check.PROBLEMS:
        monkeypatch.setattr(pdf_check, "problem", lambda file, said=problem: said)
        with pytest.raises(uploads.UploadRefused) as refusal:
            uploads.store(None, SimpleUploadedFile("a.pdf", pdfs.page()), by=None)  # type: ignore[arg-type]
        assert any(
            word in str(refusal.value) for word in ("nregistrez", "éposez", "hoisissez", "opiez")
        )
        sentences.add(str(refusal.value))
    assert len(sentences) == len(pdf_check.PROBLEMS)


def test_a_large_upload_is_given_to_the_process_as_a_file() -> None:
    upload = TemporaryUploadedFile("a.pdf", "application/pdf", 0, None)
    upload.write(pdfs.page())
    assert pdf_check.problem(upload) == pdf_check.FINE  # type: ignore[arg-type]
    assert upload.read(5) == b"%PDF-"
