"""What the desk does beside the workflow: the grid of pieces, assignment, private notes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Role, RoleAssignment, User
from portal.audit.record import record
from portal.common.calendar import PARIS, legal_now
from requests_app.models import (
    AccessRequest,
    Act,
    Note,
    Piece,
    RapporteurAssignment,
    RequestState,
    Stage,
)
from requests_app.procedures.schema import Procedure
from requests_app.rights import duties


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
    labels = {piece.code: piece.label for piece in procedure.pieces}
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
    rounds = procedure.stage(acts[-1].stage.code).max_rounds
    return Completion(acts[-1].effective_at, acts[-1].text, is_last=len(acts) >= rounds)


def unreviewed(request: AccessRequest) -> int:
    """How many pieces the grid still has to judge."""
    return Piece.objects.filter(request=request, review=Piece.Review.PENDING).count()


def is_last_request(stage: Stage, procedure: Procedure) -> bool:
    """Whether the next request for completion is the last one that the procedure allows."""
    sent = stage.acts.filter(code="request_completion").count()
    return sent + 1 >= procedure.stage(stage.code).max_rounds


class DeskRefused(ValueError):
    """Nothing was changed; `str()` is a French sentence for the person."""


# Stages of these roles are the desk's: a person of the role takes them. Holders, committees and
# applicants share out their own work.
ASSIGNABLE_ROLES = frozenset({Role.SECRETARIAT, Role.LEGAL_OFFICER, Role.OPERATOR, Role.DPO})


def _not_own(request: AccessRequest, *, by: User, quality: str = "secretariat") -> None:
    if why := duties.why_apart(by, request, quality):
        raise DeskRefused(why)


def colleagues(role: str, request: AccessRequest) -> QuerySet[User]:
    """Active people who hold a desk's role and may act on the file: those to whom one of its stages
    may be given."""
    if role not in ASSIGNABLE_ROLES:
        return User.objects.none()
    held = RoleAssignment.objects.active().filter(role=role).values("user")
    people = User.objects.filter(pk__in=held, is_active=True)
    return duties.without(people, request, [Role(role)]).order_by("last_name", "first_name")


def assign(stage: Stage, *, to: User | None, by: User) -> None:
    """Give an open stage to a person of the desk, or to nobody. Raises DeskRefused, also on a file
    of their own or of one's own."""
    _not_own(stage.request, by=by)
    if to is not None and duties.apart(to, stage.request, stage.role) is not None:
        raise DeskRefused(
            _("%(who)s est partie à ce dossier : choisissez une autre personne.") % {"who": to}
        )
    with transaction.atomic():
        found = Stage.objects.open().select_for_update(of=("self",)).filter(pk=stage.pk).first()
        if found is None:
            raise DeskRefused(_("Cette étape n’est pas en cours : elle ne s’attribue pas."))
        if found.assignee_id == (to.pk if to else None):
            return
        found.assignee = to
        found.save(update_fields=["assignee"])
        record(
            "request.assign",
            by=by,
            on=stage,
            about=stage.request_id,
            data={"stage": stage.code, "to": str(to.pk) if to else ""},
        )


# A14: at most four files per rapporteur and month; a warning, since the president decides.
MONTHLY_LOAD = 4


def rapporteur_loads(stage: Stage) -> dict[UUID, int]:
    """Files given this month to each member of the stage's committee, this one left out."""
    month = legal_now().astimezone(PARIS).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    counts = (
        RapporteurAssignment.objects.filter(
            stage__committee_id=stage.committee_id, assigned_at__gte=month, ended_at__isnull=True
        )
        .exclude(stage=stage)
        .values("member")
        .annotate(n=Count("pk"))
    )
    return {row["member"]: row["n"] for row in counts}


def loaded_rapporteurs(stage: Stage) -> list[str]:
    """A sentence per committee member who already reports on four files this month or more."""
    loads = {pk: n for pk, n in rapporteur_loads(stage).items() if n >= MONTHLY_LOAD}
    return [
        ngettext(
            "%(who)s rapporte déjà %(n)d dossier ce mois-ci.",
            "%(who)s rapporte déjà %(n)d dossiers ce mois-ci.",
            loads[member.pk],
        )
        % {"who": member, "n": loads[member.pk]}
        for member in User.objects.filter(pk__in=loads)
    ]


def add_note(request: AccessRequest, *, text: str, by: User) -> Note:
    """Keep a private note of the desk. Raises DeskRefused on a file of one's own."""
    _not_own(request, by=by)
    with transaction.atomic():
        note = Note(request=request, author=by, text=text)
        note.save(force_insert=True)
        record("request.note", by=by, on=note, about=request.pk)
    return note


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
