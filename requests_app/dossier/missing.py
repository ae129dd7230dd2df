"""All that a file lacks, at once, per the procedure it pinned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from requests_app.deadlines.access_period import most_months
from requests_app.models import AccessRequest, Piece
from requests_app.procedures.conditions import all_hold, is_filled, value_at
from requests_app.procedures.content import Row, is_available
from requests_app.procedures.questions.base import Lack
from requests_app.procedures.schema import Procedure
from requests_app.selection import specification
from requests_app.selection.described import DescribedRow, Finding

from .reading import facts, rows_of


@dataclass(frozen=True, slots=True)
class Missing:
    """Something without which no signature is asked for, and where to mend it."""

    code: str
    label: str
    section: str
    anchor: str = ""


def missing_items(
    request: AccessRequest, described: list[DescribedRow] | None = None
) -> list[Missing]:
    """Everything that prevents asking for the signature, at once, per the pinned procedure and its
    form. `described`: the rows of the data, when the caller has them already."""
    procedure = request.procedure
    if described is None:
        described = specification.describe(rows_of(request))
    known = facts(request, described)
    return [
        *_answers(request.form.lacks(known)),
        *_beyond_the_form(procedure, known),
        *_answers(request.form.faults_of(known)),
        *_too_long(request, procedure, known),
        *_not_yet_available(request, known),
        *_rows(procedure, request, described),
        *_persons(request, procedure),
        *_pieces(procedure, request, known),
    ]


def _answers(found: Iterable[tuple[str, Lack]]) -> Iterator[Missing]:
    """What answers lack, or say wrongly, with the place that mends it."""
    for path, lack in found:
        anchor = f"{path}.{lack.place}" if lack.place else path
        yield Missing(lack.code, lack.label, path.partition(".")[0], anchor)


def _beyond_the_form(procedure: Procedure, known: dict[str, Any]) -> Iterator[Missing]:
    """Places that this procedure asks for, and its form does not."""
    for one in procedure.required_fields:
        if all_hold(one.when, known) and not is_filled(value_at(known, one.field)):
            yield Missing("field", str(one.label), one.field.partition(".")[0], one.field)


def _too_long(
    request: AccessRequest, procedure: Procedure, known: dict[str, Any]
) -> Iterator[Missing]:
    path, months = request.form.path_of("access_months"), request.form.value(known, "access_months")
    if path and months and months > (most := most_months(procedure)):
        text = _("Durée d’accès : au plus %(most)s mois par cette procédure") % {"most": most}
        yield Missing("contradiction", text, path.partition(".")[0], path)


def _not_yet_available(request: AccessRequest, known: dict[str, Any]) -> Iterator[Missing]:
    """A file deposited with it goes on; a draft chooses what the portal can deliver."""
    path, mode = request.form.path_of("delivery_mode"), request.form.value(known, "delivery_mode")
    if path and mode and request.submitted_at is None and not is_available(mode):
        text = _("Mode de mise à disposition : l’espace projet n’est pas encore disponible")
        yield Missing("unavailable", text, path.partition(".")[0], path)


def _rows(
    procedure: Procedure, request: AccessRequest, described: list[DescribedRow]
) -> list[Missing]:
    found_in = request.form.of_role("data_specification")
    section = found_in[0].code if found_in is not None else "summary"
    if found_in is None and procedure.opens_rights and not request.datasets.exists():
        text = _(
            "Aucune base n’est demandée : mettez-la dans votre sélection, puis commencez une"
            " nouvelle demande."
        )
        return [Missing("row", text, section, "bases")]
    found = [
        Missing("row", finding.text, section, _anchor(finding.row))
        for one in described
        for finding in one.findings
        if finding.blocking
    ]
    refused = request.datasets.exclude(dataset__kind__in=procedure.dataset_kinds)
    for code, title in refused.values_list("dataset__code", "dataset__title_fr"):
        text = _("« %(title)s » ne se demande pas par la procédure %(procedure)s.") % {
            "title": title,
            "procedure": procedure.short_title,
        }
        found.append(Missing("row", text, section, _anchor((code, ""))))
    return found


def _anchor(key: tuple[str, str]) -> str:
    return f"ligne-{key[0]}-{key[1]}".strip("-")


def _persons(request: AccessRequest, procedure: Procedure) -> list[Missing]:
    if (
        not procedure.opens_rights
        or request.members.current().filter(has_data_access=True).exists()
    ):
        return []
    text = _("Au moins une personne qui accédera aux données")
    return [Missing("persons", text, "persons", "personnes")]


def _pieces(procedure: Procedure, request: AccessRequest, known: dict[str, Any]) -> list[Missing]:
    given = {piece.code: piece for piece in request.pieces.all()}
    found = []
    for spec in procedure.pieces:
        piece = given.get(spec.code)
        here = bool(piece and (piece.file_id or (spec.waivable and piece.waiver_reason)))
        if spec.needed(known) and not here:
            found.append(Missing("piece", str(spec.label), "pieces", f"piece-{spec.code}"))
        elif piece and piece.review == Piece.Review.TO_MEND:
            text = _("%(piece)s, à corriger : %(comment)s") % {
                "piece": spec.label,
                "comment": piece.review_comment or _("voir le message du secrétariat"),
            }
            found.append(Missing("piece_to_mend", text, "pieces", f"piece-{spec.code}"))
    return found


def specification_warnings(rows: list[Row]) -> list[Finding]:
    """What to look at in the chosen data, most serious first."""
    return sorted(specification.findings(rows), key=lambda finding: not finding.blocking)
