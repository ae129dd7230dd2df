"""Content in words: labels of its fields and values, for pages, PDFs and differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.common.templatetags.portal import number

from .content import (
    DELIVERY_MODES,
    HEALTH_CONDITIONS,
    LEGAL_BASES,
    MATCHING_MODES,
    PARTIES,
    PROHIBITED,
    PURPOSES,
    SECTIONS,
    Label,
)


SECTION_LABELS: dict[str, Label] = {
    "parties": gettext_lazy("Parties"),
    "purpose": gettext_lazy("Finalité"),
    "prohibited": gettext_lazy("Finalités interdites"),
    "specification": gettext_lazy("Expression de besoins"),
    "identifiers": gettext_lazy("Identifiants potentiels"),
    "legal": gettext_lazy("Cadre juridique"),
    "duration": gettext_lazy("Durée"),
}
# A22. The catalogue carries the same codes on its variables.
IDENTIFIERS: dict[str, Label] = {
    "birth_month": gettext_lazy("mois et année de naissance"),
    "residence_commune": gettext_lazy("commune de résidence"),
    "care_date": gettext_lazy("date exacte de soins"),
    "death_date": gettext_lazy("date exacte de décès"),
    "death_commune": gettext_lazy("commune de décès"),
}
PARTY_FIELDS: dict[str, Label] = {
    "name": gettext_lazy("Nom"),
    "address": gettext_lazy("Adresse"),
    "contact": gettext_lazy("Personne à contacter et fonction"),
    "email": gettext_lazy("Adresse électronique"),
    "experience": gettext_lazy("Titres, expérience et fonctions"),
    "missions": gettext_lazy("Missions ou objet social"),
    "outside_eu": gettext_lazy("Établi hors de l’Union européenne"),
    "health_industry": gettext_lazy("Entreprise de produits de santé, assureur ou mutuelle"),
}
FIELD_LABELS: dict[str, Label] = {
    "purpose.purposes": gettext_lazy("Finalités poursuivies"),
    "purpose.summary": gettext_lazy("Résumé du projet"),
    "purpose.objectives": gettext_lazy("Objectifs et question posée"),
    "purpose.public_interest": gettext_lazy("Intérêt public de l’étude"),
    "specification.population": gettext_lazy("Population étudiée"),
    "specification.criteria": gettext_lazy("Critères d’inclusion et d’exclusion"),
    "specification.code_lists": gettext_lazy("Listes de codes"),
    "specification.inclusion_from": gettext_lazy("Début de la période d’inclusion"),
    "specification.inclusion_until": gettext_lazy("Fin de la période d’inclusion"),
    "specification.history_years": gettext_lazy("Profondeur d’historique (années)"),
    "specification.follow_up_months": gettext_lazy("Durée de suivi (mois)"),
    "specification.geography": gettext_lazy("Territoire"),
    "specification.expected_number": gettext_lazy("Nombre de personnes attendu"),
    "specification.matching_mode": gettext_lazy("Mode de ciblage ou d’appariement"),
    "specification.own_data": gettext_lazy("Données propres à apparier"),
    "specification.delivery_mode": gettext_lazy("Mode de mise à disposition souhaité"),
    "legal.legal_basis": gettext_lazy(
        "Base légale (RGPD, règlement général sur la protection des données)"
    ),
    "legal.health_condition": gettext_lazy("Condition du traitement de données de santé"),
    "legal.retention_months": gettext_lazy("Durée de conservation (mois)"),
    "legal.rights": gettext_lazy("Information et droits des personnes"),
    "legal.security": gettext_lazy("Confidentialité et sécurité"),
    "duration.months": gettext_lazy("Durée d’accès demandée (mois)"),
    "duration.wished_start": gettext_lazy("Début souhaité"),
}
_CODES: dict[str, dict[str, Label]] = {
    "purpose.purposes": PURPOSES,
    "specification.matching_mode": MATCHING_MODES,
    "specification.delivery_mode": DELIVERY_MODES,
    "legal.legal_basis": LEGAL_BASES,
    "legal.health_condition": HEALTH_CONDITIONS,
}
_DATES = frozenset(
    {"specification.inclusion_from", "specification.inclusion_until", "duration.wished_start"}
)


@dataclass(frozen=True, slots=True)
class ReadableSection:
    """A section in words; `facts` holds (label, value) pairs, what is empty left out."""

    code: str
    label: str
    facts: list[tuple[str, str]]


def _word(path: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return ""
    codes = _CODES.get(path, {})
    if isinstance(value, list):
        return "\n".join(str(codes.get(item, item)) for item in value)
    if isinstance(value, bool):
        return _("oui") if value else ""
    if isinstance(value, int):
        return number(value)
    if path in _DATES:
        return formats.date_format(date.fromisoformat(value), "j F Y")
    return str(codes.get(value, value))


def _party(name: str, party: dict[str, Any]) -> Iterator[tuple[str, str]]:
    lines = [str(party.get("name", ""))] if party.get("name") else []
    lines += [
        f"{label} : {_word('', party[key])}"
        for key, label in PARTY_FIELDS.items()
        if key != "name" and party.get(key)
    ]
    yield str(PARTIES[name]), "\n".join(lines)


def _code_lists(lists: list[dict[str, str]]) -> str:
    return "\n".join(
        " – ".join(filter(None, [one["nomenclature"], one["codes"], one["purpose"]]))
        for one in lists
    )


def _facts(section: str, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        path = f"{section}.{key}"
        if section == "parties":
            yield from _party(key, value)
        elif section == "prohibited":
            words = _("Engagement pris.") if value.get("undertaking") else ""
            yield str(PROHIBITED[key]).capitalize(), f"{words} {value.get('reason', '')}".strip()
        elif section == "identifiers":
            yield str(IDENTIFIERS[key]).capitalize(), value.get("justification", "")
        elif key == "code_lists":
            yield str(FIELD_LABELS[path]), _code_lists(value)
        elif path in FIELD_LABELS:
            yield str(FIELD_LABELS[path]), _word(path, value)


def readable(content: dict[str, Any]) -> list[ReadableSection]:
    """The sections in words, in order; the rows of the specification are left to tables."""
    return [
        ReadableSection(
            name,
            str(SECTION_LABELS[name]),
            [(label, words) for label, words in _facts(name, content.get(name, {})) if words],
        )
        for name in SECTIONS
        if name in content
    ]
