"""What a signature covers: the frozen content, its fingerprint, and what changed between two."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from requests_app.models import AccessRequest, Piece, RequestMember
from requests_app.procedures import forms
from requests_app.procedures.schema import Procedure
from requests_app.selection.described import DescribedRow

from .reading import facts


SNAPSHOT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two versions, in words; `before` or `after` may be empty."""

    section: str
    label: str
    before: str
    after: str


def snapshot(
    request: AccessRequest, described: Sequence[DescribedRow] | None = None
) -> dict[str, Any]:
    """All that a signature covers: content, persons, and the fingerprints of the pieces.

    `described`: the rows of the data, when the caller has them already.
    """
    members = request.members.current().select_related("user")
    pieces = request.pieces.select_related("file").order_by("code")
    known = facts(request, described)
    # Said where there is any: of two versions, what is no longer asked is no change.
    left_out = request.form.left_out(request.content, known)
    return {
        "format": SNAPSHOT_FORMAT,
        "title": request.title,
        "procedure": {"code": request.procedure_code, "version": request.procedure_version},
        "organisation": {"id": str(request.organisation_id), "name": request.organisation.name},
        "orientation": request.orientation,
        **request.form.asked_only(request.content, known),
        **({"left_out": left_out} if left_out else {}),
        **({"datasets": whole} if (whole := _whole(request, known)) else {}),
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


def _whole(request: AccessRequest, known: Mapping[str, Any]) -> list[str]:
    """Databases asked for whole: the rows of the others are in the content."""
    return list(known["datasets"]["codes"]) if request.form.asks_for_whole else []


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


def is_same_file(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two snapshots say the same; what the new one leaves out, unasked, is no change."""
    was, now = (
        {key: value for key, value in one.items() if key != "left_out"} for one in (old, new)
    )
    for path in new.get("left_out", ()):
        section, _dot, question = path.partition(".")
        if question in was.get(section, {}):
            now[section] = {**now[section], question: was[section][question]}
    return fingerprint(was) == fingerprint(now)


def grouped(sha256: str) -> str:
    """A fingerprint in groups of eight, as people compare it."""
    return " ".join(sha256[start : start + 8] for start in range(0, len(sha256), 8))


def same_fingerprint(read: str, sha256: str) -> bool:
    """Whether what a person read on paper is this fingerprint: the whole, or its end, from the last
    group of eight on; spaces and dashes between groups count for nothing."""
    letters = re.sub(r"[\s\-\u2010-\u2015]", "", read).lower()
    return len(letters) >= 8 and sha256.endswith(letters)


def _beside(frozen: Mapping[str, Any], procedure: Procedure) -> dict[tuple[str, str], str]:
    """(section, label) -> words, for the persons and pieces that a version holds."""
    lines: dict[tuple[str, str], str] = {}
    kinds = dict(RequestMember.Kind.choices)
    for person in frozen.get("persons", []):
        access = procedure.opens_rights and person["has_data_access"]
        words = str(kinds.get(person["kind"], person["kind"]))
        words += _(", accédera aux données") if access else ""
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
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    procedure: Procedure,
    parts: frozenset[str] | None = None,
) -> list[Change]:
    """What a reader would find changed between two snapshots, in the order of the file.

    `parts`: of the answers, only those that lie in these parts of the file.
    """
    form = forms.of(procedure)
    titles = [str(one.get("title", "")) for one in (old, new)]
    title = str(_("Titre"))
    found = [Change(title, title, *titles)] if titles[0] != titles[1] else []
    answers = [one if parts is None else form.read_by(one, parts) for one in (old, new)]
    answers[1] = {**answers[1], "left_out": new.get("left_out", ())}
    found += [
        Change(one.section, one.what.label, one.what.before, one.what.after)
        for one in form.differences(*answers)
    ]
    before, after = _beside(old, procedure), _beside(new, procedure)
    keys = [*after, *(key for key in before if key not in after)]
    return found + [
        Change(section, label, before.get((section, label), ""), after.get((section, label), ""))
        for section, label in keys
        if before.get((section, label), "") != after.get((section, label), "")
    ]
