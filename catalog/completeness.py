"""What a description still lacks: what forbids publishing, and what readers would miss.

The list is data, so that page, admin and publishing agree. These are the fields that the
dataset page itself needs; HealthDCAT-AP's own levels (C18) are not asked yet.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import Dataset


@dataclass(frozen=True, slots=True)
class Item:
    """One expected element of a description; `mandatory` ones forbid publishing while absent."""

    field: str
    label: "str | Promise"
    present: Callable[[Dataset], bool]
    mandatory: bool = True


def _has(field: str) -> Callable[[Dataset], bool]:
    return lambda dataset: bool(getattr(dataset, field))


def _has_tables(dataset: Dataset) -> bool:
    """A list annotates `has_tables`, so that it needs no query per row."""
    known: bool | None = getattr(dataset, "has_tables", None)
    return dataset.tables.current().exists() if known is None else known


ITEMS = (
    Item("title_fr", _("le titre"), _has("title_fr")),
    Item("summary_fr", _("ce que contient la base"), _has("summary_fr")),
    Item("excludes_fr", _("ce que la base ne contient pas"), _has("excludes_fr")),
    Item("as_of", _("la date de la description"), _has("as_of")),
    Item(
        "controllers",
        _("au moins un responsable de traitement"),
        lambda d: d.kind == Dataset.Kind.DESCRIBED or bool(d.controllers.all()),
    ),
    Item(
        "tables",
        _("au moins une table"),
        lambda d: d.ask_route != Dataset.AskRoute.HERE or _has_tables(d),
    ),
    Item("population_fr", _("la population"), _has("population_fr"), mandatory=False),
    Item("covers_from", _("la première année"), _has("covers_from"), mandatory=False),
    Item("spatial_fr", _("le territoire"), _has("spatial_fr"), mandatory=False),
    Item("keywords_fr", _("des mots-clés"), _has("keywords_fr"), mandatory=False),
    Item("provenance_fr", _("la provenance"), _has("provenance_fr"), mandatory=False),
    Item(
        "figures_source",
        _("la source des effectifs"),
        lambda d: bool(d.figures_source) or d.number_of_individuals is None,
        mandatory=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Completeness:
    missing: list[Item]

    @property
    def blocking(self) -> list[Item]:
        return [item for item in self.missing if item.mandatory]

    @property
    def percent(self) -> int:
        return round(100 * (len(ITEMS) - len(self.missing)) / len(ITEMS))


def completeness(dataset: Dataset) -> Completeness:
    """What the description lacks. Two queries at most (controllers, tables)."""
    return Completeness([item for item in ITEMS if not item.present(dataset)])
