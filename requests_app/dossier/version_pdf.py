"""Documents of a request: a frozen version to read and sign; receipts."""

from collections.abc import Mapping
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from portal.common.pdf import render_pdf
from portal.common.templatetags.portal import long_date, moment
from requests_app.dossier.frozen import grouped
from requests_app.models import AccessRequest, RequestMember, RequestVersion
from requests_app.procedures.content import Row
from requests_app.procedures.questions.base import Grid
from requests_app.rights import permissions
from requests_app.selection import exports

from . import orientation


TEMPLATE = "pdf/receipt.typ"


def frozen_sections(
    version: RequestVersion, parts: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """Every section of a version as data of the PDF template.

    `parts`: of the answers, only those that lie in these parts of the file.
    """
    frozen: Mapping[str, Any] = version.content
    sections: list[dict[str, Any]] = []
    form = version.request.form
    seen = frozen if parts is None else form.read_by(frozen, parts)
    words = form.readable({code: seen.get(code, {}) for code in form.codes})
    for section in [*orientation.readable(frozen.get("orientation") or {}), *words]:
        part: dict[str, Any] = {"title": section.label, "rows": section.facts}
        below = [_grid(grid) for grid in section.grids]
        if section.has_rows:
            rows = [Row.model_validate(row) for row in form.rows(seen)]
            below = [*exports.specification_sections(rows), *below]
        if below:
            part["sections"] = below
        if parts is None or below or section.facts:
            sections.append(part)
    kinds = dict(RequestMember.Kind.choices)
    named = frozen.get("persons", [])
    persons = [[person["name"], kinds.get(person["kind"], "")] for person in named]
    title, head = _("Équipe"), [_("Nom"), _("Qualité")]
    if version.request.procedure.opens_rights:
        title, head = _("Équipe et personnes habilitées"), [*head, _("Accède aux données")]
        persons = [
            [*row, _yes(person["has_data_access"])]
            for row, person in zip(persons, named, strict=True)
        ]
    sections.append({"title": title, "table": {"head": head, "rows": persons}})
    return [*sections, _pieces_section(version)]


def _grid(grid: Grid) -> dict[str, Any]:
    return {"title": grid.caption, "table": {"head": grid.head, "rows": grid.rows}}


def _pieces_section(version: RequestVersion) -> dict[str, Any]:
    return {
        "title": _("Pièces"),
        "table": {
            "head": [_("Pièce"), _("Fichier ou dispense"), _("Empreinte SHA-256")],
            "widths": [3, 3, 4],
            "rows": _pieces(version),
        },
    }


def _yes(value: bool) -> str:
    return _("oui") if value else _("non")


def _pieces(version: RequestVersion) -> list[list[str]]:
    labels = {piece.code: str(piece.label) for piece in version.request.procedure.pieces}
    return [
        [
            labels.get(piece["code"], piece["code"]),
            piece.get("name") or _("dispense : %(why)s") % {"why": piece.get("waiver_reason", "")},
            piece.get("sha256", ""),
        ]
        for piece in version.content.get("pieces", [])
    ]


def version_pdf(version: RequestVersion, parts: frozenset[str] | None = None) -> bytes:
    """The frozen version, with the fingerprint that a signature covers and room to sign.

    Whole; or, for a reader of some parts of the file only (`parts`), with the answers that lie
    there: it says so, and nobody signs it.
    """
    request = version.request
    partial = parts is not None and not permissions.reads_whole(request, parts)
    parts = parts if partial else None
    to_sign = version.status == RequestVersion.Status.AWAITING and not partial
    return render_pdf(
        TEMPLATE,
        {
            "title": capfirst(request.get_type_display()),
            "subtitle": version.content.get("title", request.title),
            "number": request.number or _("numéro donné au dépôt"),
            **({"intro": _left_out()} if partial else {}),
            "fingerprint": version.sha256,
            "demo": request.organisation.is_demo,
            "rows": [
                [_("Procédure"), str(request.procedure.title)],
                [_("Responsable de traitement"), version.content["organisation"]["name"]],
                [_("Version"), f"{version.number} ({version.get_status_display()})"],
                [_("Arrêtée le"), moment(version.frozen_at)],
                *_signed(version),
                [_("Empreinte SHA-256"), grouped(version.sha256)],
            ],
            "sections": frozen_sections(version, parts),
            **(_to_sign(version) if to_sign else {}),
        },
    )


def _left_out() -> str:
    return _(
        "Extrait : des réponses que vous n’avez pas à lire n’y figurent pas. Ce document n’est pas"
        " la version signée ; l’empreinte est celle de la version entière."
    )


def _to_sign(version: RequestVersion) -> dict[str, Any]:
    return {
        "closing": _(
            "En signant, le représentant légal du responsable de traitement confirme cette"
            " demande, version %(n)s, identifiée par son empreinte, et la dépose."
        )
        % {"n": version.number},
        "signature": _("Date, nom, qualité et signature :"),
    }


def _signed(version: RequestVersion) -> list[list[str]]:
    """Who signed, and when; nothing for a version that is not signed or was not to be."""
    kind = RequestVersion.Signature(version.signature) if version.signature else None
    if version.status != RequestVersion.Status.SIGNED or version.signed_at is None:
        return []
    if kind == RequestVersion.Signature.NONE:
        return [[_("Signature"), _("sans nouvelle signature")]]
    when = moment(version.signed_at)
    if kind == RequestVersion.Signature.PAPER and version.checked_at is None:  # of before the check
        return [[_("Signature"), _("version signée déposée le %(date)s") % {"date": when}]]
    if kind == RequestVersion.Signature.PAPER:
        words = _("sur papier, par %(who)s ; document déposé le %(date)s") % {
            "who": version.signatory or "–",
            "date": when,
        }
        checked = _("par %(who)s, le %(date)s") % {
            "who": version.checked_by or "–",
            "date": moment(version.checked_at),
        }
        return [[_("Signature"), words], [_("Signature vérifiée"), checked]]
    if version.signed_by:
        words = _("en ligne, par %(who)s, le %(date)s") % {"who": version.signed_by, "date": when}
        return [[_("Signature"), words]]
    return []


def deposit_receipt(request: AccessRequest, version: RequestVersion) -> bytes:
    """What was deposited, when, under which number and fingerprint."""
    return _receipt(
        request,
        version,
        title=_("Récépissé de dépôt"),
        facts=[[_("Déposée le"), moment(request.submitted_at)], *_signed(version)],
        closing=_(
            "Ce récépissé ne vaut pas dossier complet : le secrétariat contrôle les pièces et vous"
            " écrit."
        ),
    )


def completeness_receipt(request: AccessRequest, version: RequestVersion) -> bytes:
    """From when the file is complete: the consultations count from then."""
    return _receipt(
        request,
        version,
        title=_("Récépissé de dossier complet"),
        facts=[
            [_("Déposée le"), long_date(request.submitted_at)],
            [_("Complète le"), long_date(request.completed_at)],
        ],
        closing=_("Les délais des consultations courent à compter de la date de complétude."),
    )


def _receipt(
    request: AccessRequest,
    version: RequestVersion,
    *,
    title: str,
    facts: list[list[str]],
    closing: str,
) -> bytes:
    return render_pdf(
        TEMPLATE,
        {
            "title": title,
            "subtitle": version.content.get("title", request.title),
            "number": request.number,
            "fingerprint": version.sha256,
            "demo": request.organisation.is_demo,
            "rows": [
                [_("Numéro"), request.number],
                [_("Titre"), version.content.get("title", request.title)],
                [_("Responsable de traitement"), version.content["organisation"]["name"]],
                [_("Procédure"), str(request.procedure.title)],
                *facts,
                [_("Version"), str(version.number)],
                [_("Empreinte SHA-256"), version.sha256],
            ],
            "sections": [_pieces_section(version)],
            "closing": closing,
        },
    )
