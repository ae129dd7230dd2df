"""The results page: one search call, then the rows of its hits."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Table, Variable
from catalog.search.backends.base import DEEPEST
from catalog.search.highlight import has_match, may_match
from catalog.search.query import FACETS, Hit, ParsedQuery, SearchResult
from catalog.search.service import search

from .params import TABS, Params, labels_of, read


FACET_TITLES = {
    "route": gettext_lazy("Demande"),
    "nature": gettext_lazy("Nature"),
    "holder": gettext_lazy("Responsable de données"),
    "theme": gettext_lazy("Thème"),
    "category": gettext_lazy("Catégorie"),
    "dataset": gettext_lazy("Base"),
    "identifier": gettext_lazy("Identifiant potentiel"),
    "type": gettext_lazy("Type"),
}
TABLES_SHOWN = 6
VARIABLES_SHOWN = 3


@dataclass(slots=True)
class Found:
    """One hit with its rows, ready for the template."""

    kind: str
    object: Any  # Dataset or Table, None for a variable
    name: str = ""
    labels: list[str] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    matching: list[Variable] = field(default_factory=list)  # a table's, when they answer for it
    why: str = ""
    excerpt: str = ""  # of the text that `why` names

    @property
    def tables(self) -> list[Table]:
        return [variable.table for variable in self.variables]

    @property
    def tables_shown(self) -> list[Table]:
        return self.tables[:TABLES_SHOWN]

    @property
    def tables_left(self) -> int:
        return max(0, len(self.variables) - TABLES_SHOWN)

    @property
    def holders(self) -> list[str]:
        return list(dict.fromkeys(d.holder.organisation.name for d in self.datasets))

    @property
    def first_requestable(self) -> Dataset:
        """The base that says how the variable is asked for: here, when one of them is."""
        return next((d for d in self.datasets if d.is_requestable), self.datasets[0])

    @property
    def matching_shown(self) -> list[Variable]:
        return self.matching[:VARIABLES_SHOWN]

    @property
    def matching_left(self) -> int:
        return max(0, len(self.matching) - VARIABLES_SHOWN)

    @property
    def identifier(self) -> str:
        return next((v.get_identifier_display() for v in self.variables if v.identifier), "")


class _Counted:
    """A sequence of known length for the paginator; its page is already at hand."""

    ordered = True

    def __init__(self, total: int, hits: list[Found]) -> None:
        self.total = total
        self.hits = hits

    def count(self) -> int:
        return min(self.total, DEEPEST)

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, _slice: slice) -> list[Found]:
        return self.hits


@login_not_required
@require_safe
def results(request: HttpRequest) -> HttpResponse:
    params = read(request.GET)
    result = search(params.request)
    last = max(1, -(-min(result.total, DEEPEST) // params.request.size))
    if params.request.page > last:
        params.notices.append(_("Cette page n’existe pas : la dernière est affichée."))
        params.request = replace(params.request, page=last)
        result = search(params.request)
    found = load(result.hits, params.request.parsed)
    page = Paginator(_Counted(result.total, found), params.request.size).get_page(
        params.request.page
    )
    context = {
        "params": params,
        "parsed": params.request.parsed,
        "result": result,
        "degraded": result.engine == "database",
        "found": found,
        "page": page,
        "tabs": tabs(params, result),
        "facets": facet_groups(params, result),
        "sorts": sort_links(params),
        "total": result.total,
        "demo_data": any(dataset.is_demo for hit in found for dataset in hit.datasets),
    }
    return render(request, "catalog/results.html", context)


def load(hits: list[Hit], parsed: ParsedQuery) -> list[Found]:
    """Rows of the hits, in their order. A hit whose row is gone is left out: the index was late."""
    keys: dict[str, list[str]] = defaultdict(list)
    for hit in hits:
        keys[hit.kind].append(hit.key)
    rows: dict[tuple[str, str], Found] = {}
    if keys["dataset"]:
        datasets = Dataset.objects.published().filter(pk__in=keys["dataset"])
        for dataset in datasets.select_related("holder__organisation"):
            rows["dataset", str(dataset.pk)] = Found(
                "dataset", dataset, datasets=[dataset], why=_why(dataset, parsed)
            )
    if keys["table"]:
        tables = Table.objects.published().filter(pk__in=keys["table"])
        for table in tables.select_related("dataset__holder__organisation"):
            rows["table", str(table.pk)] = Found("table", table, datasets=[table.dataset])
        _match_variables([found for found in rows.values() if found.kind == "table"], parsed)
    if keys["variable"]:
        variables = Variable.objects.published().filter(name_key__in=keys["variable"])
        for variable in variables.select_related("table__dataset__holder__organisation").order_by(
            "table__dataset__title_fr", "table__position", "table__name"
        ):
            group = rows.setdefault(
                ("variable", variable.name_key), Found("variable", None, name=variable.name)
            )
            group.variables.append(variable)
            if variable.label_fr and variable.label_fr not in group.labels:
                group.labels.append(variable.label_fr)
            if variable.table.dataset not in group.datasets:
                group.datasets.append(variable.table.dataset)
    for group in rows.values():
        # The label that has the searched words first: one name may be labelled in several ways.
        group.labels.sort(key=lambda label: not has_match(label, parsed))
        if group.kind == "variable":
            group.why, group.excerpt = _why_variable(group, parsed)
    return [rows[hit.kind, hit.key] for hit in hits if (hit.kind, hit.key) in rows]


def _why(dataset: Dataset, parsed: ParsedQuery) -> str:
    """Which text of the dataset answers the query; "inner" when it is its tables and variables."""
    if parsed.is_empty or has_match(f"{dataset.title_fr} {dataset.summary_fr}", parsed):
        return "summary"
    if has_match(" ".join(dataset.keywords_fr), parsed):
        return "keywords"
    if has_match(f"{dataset.population_fr} {dataset.spatial_fr}", parsed):
        return "population"
    return "inner"


def _match_variables(found: list[Found], parsed: ParsedQuery) -> None:
    """For tables whose own texts say nothing of the query: their variables that do. One query."""

    def says(table: Table) -> bool:
        return has_match(f"{table.name} {table.label_fr} {table.description}", parsed)

    silent = {hit.object.pk: hit for hit in found if not parsed.is_empty and not says(hit.object)}
    if not silent:
        return
    variables = Variable.objects.current().filter(table__in=silent).order_by("position", "name")
    for variable in variables.only("name", "label_fr", "table_id"):
        text = f"{variable.name} {variable.label_fr}"
        if may_match(text, parsed) and has_match(text, parsed):
            silent[variable.table_id].matching.append(variable)


def _why_variable(group: Found, parsed: ParsedQuery) -> tuple[str, str]:
    """What to show of a variable whose name and labels do not have the searched words."""
    if parsed.is_empty or has_match(" ".join([group.name, *group.labels]), parsed):
        return "", ""
    texts = [("description", v.description) for v in group.variables]
    texts += [("nomenclature", v.nomenclature) for v in group.variables]
    texts += [("table", v.table.label_fr) for v in group.variables]
    return next(((why, text) for why, text in texts if has_match(text, parsed)), ("", ""))


def tabs(params: Params, result: SearchResult) -> list[dict[str, Any]]:
    labels = {"bases": _("Bases"), "tables": _("Tables"), "variables": _("Variables")}
    return [
        {
            "url": params.query(onglet=tab, facets=_common_facets(params, kind)),
            "label": labels[tab],
            "current": tab == params.tab,
            "count": result.kinds.get(kind, 0),
        }
        for tab, kind in TABS.items()
    ]


def _common_facets(params: Params, kind: str) -> dict[str, tuple[str, ...]]:
    return {name: v for name, v in params.request.facets.items() if kind in FACETS[name]}


def sort_links(params: Params) -> list[dict[str, Any]]:
    labels = {"pertinence": _("pertinence"), "titre": _("titre"), "date": _("date de description")}
    return [
        {"url": params.query(tri=sort), "label": label, "current": sort == params.sort}
        for sort, label in labels.items()
    ]


def facet_groups(params: Params, result: SearchResult) -> list[dict[str, Any]]:
    """Facets that help here: those with a choice made, or at least two values to choose from."""
    values = {
        facet: [*counts, *params.request.facets.get(facet, ())]
        for facet, counts in result.facets.items()
    } or {facet: list(chosen) for facet, chosen in params.request.facets.items()}
    labels = labels_of(values)
    groups = []
    for facet, title in FACET_TITLES.items():
        chosen = params.request.facets.get(facet, ())
        counts = dict.fromkeys(chosen, 0) | result.facets.get(facet, {})
        if not chosen and len(counts) < 2:
            continue
        choices = [
            {
                "label": labels[facet].get(value, value),
                "count": count,
                "chosen": value in chosen,
                "url": params.toggled(facet, value),
            }
            for value, count in counts.items()
            if value in labels[facet]
        ]
        choices.sort(key=lambda c: (not c["chosen"], -int(c["count"]), str(c["label"])))
        groups.append({"title": title, "choices": choices[:20], "facet": facet})
    return groups
