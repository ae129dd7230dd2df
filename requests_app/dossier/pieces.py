"""Pieces of the file: a file kept beside the earlier ones, or a reasoned waiver."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.dossier import uploads
from requests_app.models import AccessRequest, Piece, StoredFile
from requests_app.procedures.parts import Piece as PieceRule
from requests_app.rights import permissions

from .saving import NotEditable


class PieceRefused(ValueError):
    """Nothing was kept; the message tells the person what to do."""


def max_bytes(rule: PieceRule) -> int:
    """The procedure's limit, never above the portal's."""
    return min(rule.max_mb * 1024 * 1024, settings.PIECE_MAX_BYTES)


def attach(
    request: AccessRequest, code: str, upload: "UploadedFile[Any]", *, by: User
) -> StoredFile:
    """Keep a file as this piece; the earlier file, if any, stays stored and in frozen versions.

    Raises PieceRefused, NotEditable, LookupError for a piece the procedure does not have.
    """
    rule = request.procedure.piece(code)
    if not permissions.is_editable(request):
        raise NotEditable
    try:
        with uploads.store(
            request, upload, by=by, allowed=rule.content_types, max_bytes=max_bytes(rule)
        ) as stored:
            return _attach(request, code, stored, by=by)
    except uploads.UploadRefused as refusal:
        raise PieceRefused(str(refusal)) from refusal


def _attach(request: AccessRequest, code: str, stored: StoredFile, *, by: User) -> StoredFile:
    with transaction.atomic():
        piece = _locked(request, code)
        if piece.file is not None and piece.file.sha256 == stored.sha256:
            return piece.file  # a double submit: the same bytes, nothing to review again
        piece.file, piece.waiver_reason = stored, ""
        _save(piece)
        record(
            "request.upload_piece",
            by=by,
            on=piece,
            about=request.pk,
            data={"piece": code, "sha256": stored.sha256, "size": stored.size},
        )
    return stored


def waive(request: AccessRequest, code: str, reason: str, *, by: User) -> Piece:
    """Say why this piece is not needed. Raises PieceRefused, NotEditable, LookupError."""
    rule = request.procedure.piece(code)
    reason = reason.strip()
    if not rule.waivable:
        raise PieceRefused(_("Cette pièce ne peut pas faire l’objet d’une dispense : déposez-la."))
    if not reason:
        raise PieceRefused(_("Expliquez pourquoi cette pièce n’est pas nécessaire."))
    with transaction.atomic():
        piece = _locked(request, code)
        if piece.waiver_reason != reason:
            piece.file, piece.waiver_reason = None, reason
            _save(piece)
            record(
                "request.waive_piece",
                by=by,
                on=piece,
                about=request.pk,
                text=reason,
                data={"piece": code},
            )
    return piece


def remove(request: AccessRequest, code: str, *, by: User) -> None:
    """Take the piece out of the working copy; frozen versions keep theirs. Raises NotEditable."""
    with transaction.atomic():
        piece = _locked(request, code)
        if piece.file is None and not piece.waiver_reason:
            return
        piece.file, piece.waiver_reason = None, ""
        _save(piece)
        record("request.remove_piece", by=by, on=piece, about=request.pk, data={"piece": code})


def _locked(request: AccessRequest, code: str) -> Piece:
    locked = AccessRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    if not permissions.is_editable(locked):
        raise NotEditable
    return Piece.objects.select_related("file").filter(request=request, code=code).first() or Piece(
        request=request, code=code
    )


def _save(piece: Piece) -> None:
    """What changed is to be reviewed again."""
    piece.review = Piece.Review.PENDING
    piece.reviewed_by = None
    piece.save()
