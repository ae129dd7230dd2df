"""The grid of pieces: a verdict each, then one message or one acceptance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record
from requests_app.models import (
    AccessRequest,
    Act,
    Piece,
    RequestState,
    Stage,
)
from requests_app.procedures.kinds import completeness
from requests_app.procedures.schema import Procedure
from requests_app.workflow.assignment import _not_own


def review_pieces(
    request: AccessRequest, verdicts: Mapping[UUID, tuple[str, str]], *, by: User
) -> int:
    """Write the verdict (review, comment) of each piece of the grid; returns how many changed.

    Raises DeskRefused on a file of one's own.
    """
    _not_own(request, by=by)
    changed = 0
    with transaction.atomic():
        pieces = Piece.objects.select_for_update().filter(request=request, pk__in=verdicts)
        for piece in pieces:
            review, comment = verdicts[piece.pk]
            if (piece.review, piece.review_comment) == (review, comment):
                continue
            piece.review, piece.review_comment, piece.reviewed_by = review, comment, by
            piece.save(update_fields=["review", "review_comment", "reviewed_by", "updated_at"])
            record(
                "request.review_piece",
                by=by,
                on=piece,
                about=request.pk,
                text=comment,
                data={"piece": piece.code, "review": review},
            )
            changed += 1
    return changed


def completion_message(request: AccessRequest) -> str:
    """The single message of the grid: every piece to mend with its comment, numbered."""
    procedure = request.procedure
    labels = {piece.code: str(piece.label) for piece in procedure.pieces}
    order = list(labels)
    to_mend = sorted(
        Piece.objects.filter(request=request, review=Piece.Review.TO_MEND),
        key=lambda piece: order.index(piece.code) if piece.code in labels else len(order),
    )
    lines = [
        f"{number}. {labels.get(piece.code, piece.code)} : {piece.review_comment or _('à revoir')}"
        for number, piece in enumerate(to_mend, start=1)
    ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Completion:
    """What the desk asked the applicant for: when, in which words, and whether it was the last."""

    at: datetime
    text: str
    is_last: bool


def last_completion(request: AccessRequest) -> Completion | None:
    """The request for completion that awaits its answer; None when nothing is asked."""
    if request.state != RequestState.INCOMPLETE:
        return None
    asked = Act.objects.filter(request=request, code="request_completion").select_related("stage")
    acts = list(asked.order_by("entered_at"))
    if not acts or acts[-1].stage is None:
        return None
    procedure = request.procedure
    rounds = completeness.rounds(procedure.stage(acts[-1].stage.code))
    return Completion(acts[-1].effective_at, acts[-1].text, is_last=len(acts) >= rounds)


def unreviewed(request: AccessRequest) -> int:
    """How many pieces the grid still has to judge."""
    return Piece.objects.filter(request=request, review=Piece.Review.PENDING).count()


def is_last_request(stage: Stage, procedure: Procedure) -> bool:
    """Whether the next request for completion is the last one that the procedure allows."""
    sent = stage.acts.filter(code="request_completion").count()
    return sent + 1 >= completeness.rounds(procedure.stage(stage.code))


def pieces_of(request: AccessRequest) -> list[dict[str, Any]]:
    """The pieces in the procedure's order, with their labels and rules: one dict per row."""
    procedure = request.procedure
    given = {
        piece.code: piece
        for piece in Piece.objects.filter(request=request).select_related("file", "reviewed_by")
    }
    return [
        {"spec": spec, "piece": given[spec.code]} for spec in procedure.pieces if spec.code in given
    ]
