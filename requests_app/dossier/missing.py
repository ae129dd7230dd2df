"""All that a file lacks, at once, per the procedure it pinned."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from requests_app.deadlines.access_period import most_months
from requests_app.models import AccessRequest, Piece
from requests_app.procedures import content as content_models
from requests_app.procedures.conditions import all_hold, is_filled, value_at
from requests_app.procedures.content import Row
from requests_app.procedures.content_labels import IDENTIFIERS
from requests_app.procedures.schema import Procedure
from requests_app.selection import specification
from requests_app.selection.described import Finding

from .reading import facts, rows_of


@dataclass(frozen=True, slots=True)
class Missing:
    """Something without which no signature is asked for, and where to mend it."""

    code: str
    label: str
    section: str
    anchor: str = ""


def missing_items(request: AccessRequest) -> list[Missing]:
    """Everything that prevents asking for the signature, at once, per the pinned procedure."""
    procedure = request.procedure
    known = facts(request)
    rows = rows_of(request)
    return [
        *_fields(procedure, known),
        *_contradictions(procedure, known),
        *_not_yet_available(request, known),
        *_undertakings(known),
        *_rows(procedure, request, rows),
        *_justifications(known, rows),
        *_persons(request),
        *_pieces(procedure, request, known),
    ]


def _fields(procedure: Procedure, known: dict[str, Any]) -> list[Missing]:
    return [
        Missing("field", str(one.label), one.field.split(".")[0], one.field)
        for one in procedure.required_fields
        if all_hold(one.when, known) and not is_filled(value_at(known, one.field))
    ]


def _contradictions(procedure: Procedure, known: dict[str, Any]) -> list[Missing]:
    """What two editors, or two steps, may have said against each other."""
    found = []
    needs, months = known["specification"], known["duration"]["months"]
    first, last = needs["inclusion_from"], needs["inclusion_until"]
    if first and last and last < first:
        text = _("Période d’inclusion : sa fin précède son début")
        found.append(
            Missing("contradiction", text, "specification", "specification.inclusion_until")
        )
    if months and months > (most := most_months(procedure)):
        text = _("Durée d’accès : au plus %(most)s mois par cette procédure") % {"most": most}
        found.append(Missing("contradiction", text, "duration", "duration.months"))
    kept = known["legal"]["retention_months"]
    if months and kept and kept < months:
        text = _("Durée de conservation : plus courte que la durée d’accès demandée")
        found.append(Missing("contradiction", text, "legal", "legal.retention_months"))
    return found


def _not_yet_available(request: AccessRequest, known: dict[str, Any]) -> list[Missing]:
    """A file deposited with it goes on; a draft chooses what the portal can deliver."""
    mode = known["specification"]["delivery_mode"]
    if request.submitted_at is not None or not mode or content_models.is_available(mode):
        return []
    text = _("Mode de mise à disposition : l’espace projet n’est pas encore disponible")
    return [Missing("unavailable", text, "specification", "specification.delivery_mode")]


def _undertakings(known: dict[str, Any]) -> list[Missing]:
    """A10: an undertaking and a reason for each prohibited purpose, always."""
    found = []
    for code, label in content_models.PROHIBITED.items():
        given = known["prohibited"][code]
        if not given["undertaking"]:
            text = _("Engagement à ne pas %(what)s") % {"what": label}
            found.append(
                Missing("undertaking", text, "prohibited", f"prohibited.{code}.undertaking")
            )
        if not given["reason"]:
            text = _("Explication : pourquoi l’étude ne peut pas servir à %(what)s") % {
                "what": label
            }
            found.append(Missing("reason", text, "prohibited", f"prohibited.{code}.reason"))
    return found


def _rows(procedure: Procedure, request: AccessRequest, rows: list[Row]) -> list[Missing]:
    found = [
        Missing("row", finding.text, "specification", _anchor(finding.row))
        for finding in specification.findings(rows)
        if finding.blocking
    ]
    refused = request.datasets.exclude(dataset__kind__in=procedure.dataset_kinds)
    for code, title in refused.values_list("dataset__code", "dataset__title_fr"):
        text = _("« %(title)s » ne se demande pas par la procédure %(procedure)s.") % {
            "title": title,
            "procedure": procedure.short_title,
        }
        found.append(Missing("row", text, "specification", _anchor((code, ""))))
    return found


def _anchor(key: tuple[str, str]) -> str:
    return f"ligne-{key[0]}-{key[1]}".strip("-")


def _justifications(known: dict[str, Any], rows: list[Row]) -> list[Missing]:
    """A22: each potential identifier asked for is justified."""
    return [
        Missing(
            "identifier",
            _("Justification de l’identifiant potentiel : %(kind)s") % {"kind": IDENTIFIERS[kind]},
            "identifiers",
            f"identifiers.{kind}.justification",
        )
        for kind in specification.identifier_kinds(rows)
        if not known["identifiers"][kind]["justification"]
    ]


def _persons(request: AccessRequest) -> list[Missing]:
    if request.members.current().filter(has_data_access=True).exists():
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
