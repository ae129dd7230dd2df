"""Files sent by people: type told by the first bytes, size bounded, stored under an opaque id.

The name given by the browser is kept for display only; what a file is comes from its signature: a
program renamed `.pdf` is refused. A PDF must also open, and hold nothing but pages to read.
"""

import codecs
import hashlib
import json
import zipfile
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db.models import ManyToOneRel
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.common import sweeps
from portal.common.fold import one_line
from requests_app.models import AccessRequest, RequestVersion, StoredFile
from requests_app.models.piece import stored_path

from . import pdf_check


PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
LABELS = {
    PDF: "PDF",
    DOCX: "DOCX",
    XLSX: "XLSX",
    ODT: "ODT",
    ODS: "ODS",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "text/plain": "texte",
    "text/csv": "CSV",
}
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!")
_PDF_MARKER = b"%PDF-"
_SNIFF_BYTES = 4096
_LONGEST_NAME, _LONGEST_SUFFIX = 200, 10


class UploadRefused(ValueError):
    """The file cannot be kept; the message tells the person how to mend it."""


def store(
    request: AccessRequest,
    upload: "UploadedFile[Any]",
    *,
    by: User,
    allowed: Collection[str] = (PDF,),
    max_bytes: int | None = None,
) -> AbstractContextManager[StoredFile]:
    """Check a file, then keep it, never over another, if what is done in the `with` makes use of
    it: a refused, raced or repeated act leaves neither row nor bytes. Raises UploadRefused.

    The upload is read by chunks: neither the hash nor the copy holds it in memory.
    """
    limit = max_bytes or settings.PIECE_MAX_BYTES
    size = upload.size or 0
    if size > limit:
        raise UploadRefused(
            _("Le fichier dépasse %(n)s Mo. Réduisez-le ou découpez-le.") % {"n": limit // 1024**2}
        )
    if not size:
        raise UploadRefused(_("Le fichier est vide. Choisissez-en un autre."))
    kind = content_type(upload)
    if kind == "text/plain" and "text/csv" in allowed:
        kind = "text/csv"
    if kind not in allowed:
        names = ", ".join(LABELS[one] for one in allowed if one in LABELS)
        raise UploadRefused(
            _("Le contenu de ce fichier n’est pas d’un format accepté (%(names)s).")
            % {"names": names}
        )
    if kind == PDF:
        _check_pdf(upload)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    stored = StoredFile(
        request=request,
        name=shown_name(upload.name or "") or _("sans nom"),
        content_type=kind,
        size=size,
        sha256=digest.hexdigest(),
        uploaded_by=by,
    )
    return written(stored, upload)


@contextmanager
def written(stored: StoredFile, content: "File[Any]") -> Iterator[StoredFile]:
    """A new file, row first then bytes, gone at the end unless something refers to it."""
    stored.file.name = stored_path(stored, "")
    stored.save(force_insert=True)  # first: by the row is found what a crash leaves
    try:
        stored.file.save(str(stored.pk), content, save=False)
        yield stored
    finally:
        if is_used(stored):
            StoredFile.objects.filter(pk=stored.pk).update(kept_at=timezone.now())
        else:
            discard(stored)


def is_used(stored: StoredFile) -> bool:
    """Whether a piece, an act, a version or whatever else refers to the file now."""
    for one in StoredFile._meta.get_fields(include_hidden=True):  # noqa: SLF001
        if isinstance(one, ManyToOneRel):
            rows = one.related_model._base_manager  # noqa: SLF001
            if rows.filter(**{one.field.name: stored.pk}).exists():
                return True
    return False


def forget_lost() -> int:
    """Delete what uploads that died left more than a day ago; how many."""
    yesterday = timezone.now() - timedelta(days=1)
    lost = StoredFile.objects.filter(kept_at__isnull=True, uploaded_at__lt=yesterday)
    return sweeps.each(lost, _forget, what="lost files")


def _forget(stored: StoredFile) -> bool:
    versions = RequestVersion.objects.filter(request=stored.request_id)
    frozen = versions.values_list("content", flat=True)
    if is_used(stored) or any(str(stored.pk) in json.dumps(one) for one in frozen):
        StoredFile.objects.filter(pk=stored.pk).update(kept_at=timezone.now())
        return False
    discard(stored)
    return True


def shown_name(given: str) -> str:
    """The name a file is shown under: NFC, one line, at most 200 characters, its suffix kept."""
    name = one_line(PurePath(given.replace("\\", "/")).name)
    suffix = PurePath(name).suffix
    if len(suffix) > _LONGEST_SUFFIX:  # no suffix: a name with a dot in it
        suffix = ""
    stem = name.removesuffix(suffix)
    return stem[: _LONGEST_NAME - len(suffix)].rstrip() + suffix


def _check_pdf(upload: "UploadedFile[Any]") -> None:
    """Raises UploadRefused, with what to do about each thing that can be wrong with a PDF."""
    again = _(
        "Enregistrez-le à nouveau par « Imprimer » puis « Enregistrer en PDF », et déposez-le."
    )
    said = {
        pdf_check.UNREADABLE: _("Ce PDF ne s’ouvre pas : il est abîmé ou n’est pas un PDF."),
        pdf_check.TRUNCATED: _("Ce PDF est incomplet : sa fin manque. Copiez-le à nouveau."),
        pdf_check.ENCRYPTED: _("Ce PDF est protégé : déposez-le sans mot de passe ni chiffrement."),
        pdf_check.NO_PAGE: _("Ce PDF n’a aucune page. Choisissez-en un autre."),
        pdf_check.EMBEDDED: _("Ce PDF contient un fichier joint : déposez ce fichier à part."),
        pdf_check.ACTIVE: _(
            "Ce PDF contient un script, une action automatique, un formulaire actif, ou un lien"
            " qui mène ailleurs qu’à ses pages ou à une adresse du web."
        ),
        pdf_check.TOO_COMPLEX: _("Ce PDF est trop complexe pour être vérifié."),
        pdf_check.BUSY: _(
            "Trop de fichiers sont en cours de vérification : réessayez dans une minute."
        ),
    }
    problem = pdf_check.problem(upload, Path(settings.VAR_DIR) / "locks")
    if problem == pdf_check.FINE:
        return
    done = {pdf_check.TRUNCATED, pdf_check.NO_PAGE, pdf_check.ENCRYPTED, pdf_check.BUSY}
    raise UploadRefused(said[problem] if problem in done else f"{said[problem]} {again}")


def discard(stored: StoredFile) -> None:
    """Drop a file, bytes first: a row without them is found again, the other way round never."""
    stored.file.delete(save=False)
    StoredFile.objects.filter(pk=stored.pk).delete()


def content_type(upload: "UploadedFile[Any]") -> str:
    """The type told by the file's own bytes; `application/octet-stream` for anything not known."""
    upload.seek(0)
    head = upload.read(_SNIFF_BYTES)
    upload.seek(0)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return _office_type(upload)
    if head.startswith(_PROGRAMS):
        return "application/octet-stream"
    if _PDF_MARKER in head[: pdf_check.MARKER_WITHIN]:  # a mark, line ends or words may precede it
        return PDF
    return "text/plain" if _is_text(head) else "application/octet-stream"


def _office_type(upload: "UploadedFile[Any]") -> str:
    """Office documents are zip files that name what they hold; nothing is unpacked."""
    try:
        with zipfile.ZipFile(upload) as archive:
            names = set(archive.namelist())
            if "word/document.xml" in names:
                return DOCX
            if "xl/workbook.xml" in names:
                return XLSX
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                kind = archive.read("mimetype").decode("ascii", "replace").strip()
                return kind if kind in {ODT, ODS} else "application/zip"
    except (zipfile.BadZipFile, OSError, RuntimeError):
        return "application/octet-stream"
    finally:
        upload.seek(0)
    return "application/zip"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        # Incremental: the sniffed bytes may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
