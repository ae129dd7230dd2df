"""What a file is comes from its bytes, never from its name."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from requests_app.dossier import uploads
from tests.support import pdfs


PDF = pdfs.page("x" * 200)
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 200


def _zip(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("région;âge\n1;2\n".encode(), "text/plain"),
        (EXE, "application/octet-stream"),
        ("é".encode() * 2049, "text/plain"),  # the sniffed bytes end inside a character
        (b"PK\x03\x04 broken", "application/octet-stream"),
        (_zip({"word/document.xml": b"<x/>"}), uploads.DOCX),
        (_zip({"xl/workbook.xml": b"<x/>"}), uploads.XLSX),
        (_zip({"mimetype": uploads.ODT.encode(), "content.xml": b"<x/>"}), uploads.ODT),
        (_zip({"setup.exe": EXE}), "application/zip"),
    ],
)
def test_content_type_comes_from_the_bytes(content: bytes, kind: str) -> None:
    assert uploads.content_type(SimpleUploadedFile("piece.pdf", content)) == kind


def test_renamed_program_is_refused() -> None:
    with pytest.raises(uploads.UploadRefused, match="format accepté"):
        uploads.store(None, SimpleUploadedFile("protocole.pdf", EXE), by=None)  # type: ignore[arg-type]


def test_empty_file_is_refused() -> None:
    with pytest.raises(uploads.UploadRefused, match="vide"):
        uploads.store(None, SimpleUploadedFile("vide.pdf", b""), by=None)  # type: ignore[arg-type]


def test_too_large_a_file_is_refused_before_it_is_read() -> None:
    upload = SimpleUploadedFile("gros.pdf", b"%PDF-")
    upload.size = 60 * 1024**2
    upload.file = None  # reading it would fail
    with pytest.raises(uploads.UploadRefused, match="dépasse 25 Mo"):
        uploads.store(None, upload, by=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("re\u0301sume\u0301.pdf", "r\u00e9sum\u00e9.pdf"),
        ("C:\\Documents\\projet.v2.docx", "projet.v2.docx"),
        ("../../etc/passwd", "passwd"),
        ("fdp.\u202etxt.pdf", "fdp.txt.pdf"),
        ("annexe." + "y" * 300, ("annexe." + "y" * 300)[:200]),
        ("contrat\u3164\ufe0f.pdf", "contrat.pdf"),
        ("", ""),
    ],
)
def test_a_name_is_shortened_before_its_suffix(given: str, shown: str) -> None:
    assert uploads.shown_name(given) == shown
