"""The results page: one search call, then the rows of its hits."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Table, Variable
from catalog.pages.found import Found, Matching
from catalog.search.backends.base import DEEPEST
from catalog.search.highlight import has_match, may_match
from catalog.search.query import FACETS, Hit, ParsedQuery, SearchResult
from catalog.search.service import search

from . import places
from .explain import explain
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
MATCHED = 20_000  # variables of a page's tables that are looked at for the searched words


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
        "demo_data": any(hit.is_demo for hit in found),
    }
    return render(request, "catalog/results.html", context)


def load(hits: list[Hit], parsed: ParsedQuery, *, listed: int = 0) -> list[Found]:
    """Rows of the hits, in their order. A hit whose row is gone is left out: the index was late.

    Of a variable only what is shown is read, whatever the number of tables that hold its name;
    `listed`: so many places of it at least, for a file or the API, which tell its tables.
    """
    keys: dict[str, list[str]] = defaultdict(list)
    for hit in hits:
        keys[hit.kind].append(hit.key)
    rows: dict[tuple[str, str], Found] = {}
    if keys["dataset"]:
        datasets = Dataset.objects.published().filter(pk__in=keys["dataset"])
        for dataset in datasets.select_related("holder__organisation"):
            one = Found("dataset", dataset, dataset, is_demo=dataset.is_demo)
            one.why = _why(dataset, parsed)
            rows["dataset", str(dataset.pk)] = one
    if keys["table"]:
        tables = Table.objects.published().filter(pk__in=keys["table"])
        for table in tables.select_related("dataset__holder__organisation"):
            base = table.dataset
            rows["table", str(table.pk)] = Found("table", table, base, is_demo=base.is_demo)
        _match_variables([found for found in rows.values() if found.kind == "table"], parsed)
    if keys["variable"]:
        for found in _variables(keys["variable"], parsed, max(listed, places.LOOKED)):
            rows["variable", found.places[0].name_key] = found
    return [rows[hit.kind, hit.key] for hit in hits if (hit.kind, hit.key) in rows]


def _variables(keys: list[str], parsed: ParsedQuery, limit: int) -> list[Found]:
    """Variables with the rows of the tables shown; what of them answers the query comes first."""
    names = places.of_names(keys, limit)
    shown = [
        place.pk for one in names.values() for place in (*one.places[:TABLES_SHOWN], one.asked)
    ]
    rows = Variable.objects.select_related("table__dataset__holder__organisation").in_bulk(shown)
    found = []
    for name in names.values():
        if not all(place.pk in rows for place in (*name.places[:TABLES_SHOWN], name.asked)):
            continue  # deleted meanwhile
        labels = [place.label for place in name.places[: places.LOOKED] if place.label]
        one = Found(
            "variable",
            None,
            rows[name.asked.pk].table.dataset,
            name=name.places[0].name,
            # The label that has the searched words first: one name may be labelled in several ways.
            labels=sorted(dict.fromkeys(labels), key=lambda label: not has_match(label, parsed)),
            places=name.places,
            total=name.total,
            variables=[rows[place.pk] for place in name.places[:TABLES_SHOWN]],
            identifier_code=name.identifier,
            is_demo=name.is_demo,
        )
        found.append(one)
    explain(found, parsed)
    return found


def _why(dataset: Dataset, parsed: ParsedQuery) -> str:
    """Which text of the dataset answers the query; "inner" when it is its tables and variables."""
    if parsed.is_empty or _has(parsed, dataset.title_fr, dataset.summary_fr):
        return "summary"
    if _has(parsed, *dataset.keywords_fr):
        return "keywords"
    if _has(parsed, dataset.population_fr, dataset.spatial_fr):
        return "population"
    return "inner"


def _has(parsed: ParsedQuery, *texts: str) -> bool:
    """Asked text by text, as they are marked afterwards."""
    return any(has_match(text, parsed) for text in texts)


def _match_variables(found: list[Found], parsed: ParsedQuery) -> None:
    """For tables whose own texts say nothing of the query: their variables that do. One query."""

    def says(table: Table) -> bool:
        return _has(parsed, table.name, table.label_fr, table.description)

    silent = {hit.object.pk: hit for hit in found if not parsed.is_empty and not says(hit.object)}
    if not silent:
        return
    variables = Variable.objects.current().filter(table__in=silent).order_by("position", "name")
    read = variables.values_list("table_id", "name", "label_fr")[:MATCHED]
    for table_id, name, label in read.iterator(chunk_size=1000):
        text = f"{name} {label}"
        if may_match(text, parsed) and has_match(text, parsed):
            silent[table_id].matching.append(Matching(name, label))


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
