"""What a signature covers: the frozen content, its fingerprint, and what changed between two."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from requests_app.models import AccessRequest, Piece, RequestMember
from requests_app.procedures.content import SECTIONS, Row
from requests_app.procedures.content_labels import readable
from requests_app.procedures.schema import Procedure

from .reading import section_of


SNAPSHOT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two versions, in words; `before` or `after` may be empty."""

    section: str
    label: str
    before: str
    after: str


def snapshot(request: AccessRequest) -> dict[str, Any]:
    """All that a signature covers: content, persons, and the fingerprints of the pieces."""
    members = request.members.current().select_related("user")
    pieces = request.pieces.select_related("file").order_by("code")
    return {
        "format": SNAPSHOT_FORMAT,
        "title": request.title,
        "procedure": {"code": request.procedure_code, "version": request.procedure_version},
        "organisation": {"id": str(request.organisation_id), "name": request.organisation.name},
        "orientation": request.orientation,
        **{section: section_of(request, section) for section in SECTIONS},
        "persons": sorted(
            (
                {
                    "id": str(member.user_id),
                    "name": str(member.user),
                    "kind": member.kind,
                    "has_data_access": member.has_data_access,
                }
                for member in members
            ),
            key=lambda person: (person["kind"], person["id"]),
        ),
        "pieces": [
            _frozen_piece(piece) for piece in pieces if piece.file_id or piece.waiver_reason
        ],
    }


def _frozen_piece(piece: Piece) -> dict[str, Any]:
    if piece.file is None:
        return {"code": piece.code, "waiver_reason": piece.waiver_reason}
    return {
        "code": piece.code,
        "file": str(piece.file_id),
        "name": piece.file.name,
        "size": piece.file.size,
        "sha256": piece.file.sha256,
    }


def fingerprint(snapshot: Mapping[str, Any]) -> str:
    """SHA-256 (hexadecimal) of the canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def grouped(sha256: str) -> str:
    """A fingerprint in groups of eight, as people compare it."""
    return " ".join(sha256[start : start + 8] for start in range(0, len(sha256), 8))


def same_fingerprint(read: str, sha256: str) -> bool:
    """Whether what a person read on paper is this fingerprint: the whole, or its end, from the last
    group of eight on; spaces and dashes between groups count for nothing."""
    letters = re.sub(r"[\s\-\u2010-\u2015]", "", read).lower()
    return len(letters) >= 8 and sha256.endswith(letters)


def row_in_words(row: Row) -> str:
    """`base, table : VAR_1, VAR_2 (2015–2019)`; what is not restricted is said too."""
    what = row.dataset + (f", {row.table}" if row.table else "")
    names = ", ".join(row.variables) or _("toutes les variables")
    first, last = row.year_from or "…", row.year_until or "…"
    years = f"{first}–{last}" if row.year_from or row.year_until else _("toutes les années")
    return f"{what} : {names} ({years})"


def _lines(frozen: Mapping[str, Any], procedure: Procedure) -> dict[tuple[str, str], str]:
    """(section, label) -> words, for all that a version holds."""
    lines = {(str(_("Titre")), str(_("Titre"))): str(frozen.get("title", ""))}
    for section in readable({name: frozen.get(name, {}) for name in SECTIONS}):
        for label, words in section.facts:
            lines[section.label, label] = words
    data = _("Données demandées")
    for raw in frozen.get("specification", {}).get("rows", []):
        row = Row.model_validate(raw)
        lines[data, ", ".join(filter(None, row.key))] = row_in_words(row)
    kinds = dict(RequestMember.Kind.choices)
    for person in frozen.get("persons", []):
        access = _("accédera aux données") if person["has_data_access"] else ""
        words = ", ".join(filter(None, [str(kinds.get(person["kind"], person["kind"])), access]))
        lines[_("Personnes"), person["name"]] = words
    labels = {piece.code: str(piece.label) for piece in procedure.pieces}
    for piece in frozen.get("pieces", []):
        words = (
            f"{piece['name']} ({piece['sha256'][:12]}…)"
            if "sha256" in piece
            else _("dispense : %(reason)s") % {"reason": piece["waiver_reason"]}
        )
        lines[_("Pièces"), labels.get(piece["code"], piece["code"])] = words
    return lines


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], *, procedure: Procedure
) -> list[Change]:
    """What a reader would find changed between two snapshots, in the order of the file."""
    before, after = _lines(old, procedure), _lines(new, procedure)
    keys = [*after, *(key for key in before if key not in after)]
    return [
        Change(section, label, before.get((section, label), ""), after.get((section, label), ""))
        for section, label in keys
        if before.get((section, label), "") != after.get((section, label), "")
    ]
