"""Pages of one dataset, one table, one variable name."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Table, TableKey, Variable
from catalog.search.query import parse
from catalog.timeline import Years, bounds
from portal.common.calendar import legal_today

from . import lists


def filtered(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Variables whose name or label holds every word typed in a page's own filter."""
    for word in text.split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(label_fr__icontains=word))
    return rows


def filter_text(request: HttpRequest) -> str:
    return request.GET.get("variables", "").replace("\0", "").strip()[:100]


def variables_of(found: Dataset, request: HttpRequest) -> QuerySet[Any]:
    """Variables of a base under the page's filter and order; by default as its tables have them."""
    rows = Variable.objects.current().filter(table__dataset=found).select_related("table")
    default = ("table__position", "table__name", "position", "name")
    return lists.ordered(
        request, filtered(rows, filter_text(request)), lists.VARIABLES, default=default
    )


def tables_of(found: Dataset, request: HttpRequest, *, of: str = "") -> QuerySet[Any]:
    """Tables of a base with their number of variables, in the asked order."""
    rows = found.tables.current().annotate(
        variable_count=Count("variables", filter=Q(variables__removed_at__isnull=True))
    )
    return lists.ordered(request, rows, lists.TABLES, default=("position", "name"), of=of)


def links_of(found: Dataset, request: HttpRequest, *, of: str = "") -> QuerySet[Any]:
    """Keys between tables that are both described today."""
    rows = TableKey.objects.filter(
        table__dataset=found, table__removed_at__isnull=True, target_table__removed_at__isnull=True
    ).select_related("table", "target_table__dataset")
    default = ("table__position", "table__name", "target_table__name", "pk")
    return lists.ordered(request, rows, lists.LINKS, default=default, of=of)


def variables_of_table(found: Table, request: HttpRequest) -> QuerySet[Any]:
    rows = filtered(found.variables.filter(removed_at__isnull=True), filter_text(request))
    return lists.ordered(request, rows, lists.VARIABLES, default=("position", "name"))


def holding(name: str, request: HttpRequest) -> QuerySet[Any]:
    """Variables of one name that are described today, with their table and base."""
    rows = (
        Variable.objects.visible_to(request.user)
        .named(name)
        .select_related("table__dataset__holder__organisation")
        .filter(removed_at__isnull=True, table__removed_at__isnull=True)
    )
    default = ("table__dataset__title_fr", "table__position", "table__name")
    return lists.ordered(request, rows, lists.HOLDING, default=default)


def _described_until(dataset: Dataset) -> int:
    """The last year the description speaks of (C16: some dictionaries are years old)."""
    return dataset.as_of.year if dataset.as_of else legal_today().year


@login_not_required
@require_safe
def dataset(request: HttpRequest, code: str) -> HttpResponse:
    found = get_object_or_404(
        Dataset.objects.visible_to(request.user)
        .select_related("holder__organisation")
        .prefetch_related("controllers", "terms"),
        code=code,
    )
    text = filter_text(request)
    # Read whole, then paged: their number costs no query of its own.
    tables = lists.paged(request, list(tables_of(found, request, of="tables")), of="tables")
    for one in tables:
        one.dataset = found  # the same base for every row: not read again
    variables = _variable_counts(found)
    first, last = bounds(list(tables), today=_described_until(found))
    context = {
        "dataset": found,
        "tables": tables,
        "links": lists.paged(request, list(links_of(found, request, of="liens")), of="liens"),
        "variable_count": variables.total(),
        "identifiers": [
            (k.label, variables[k.value]) for k in Variable.Identifier if k in variables
        ],
        "filter_text": text,
        "page": lists.paged(request, variables_of(found, request)) if text else None,
        "parsed": parse(text),
        "first_year": first,
        "last_year": last,
        "with_years": any(Years.of([one]) for one in tables),
        "demo_data": found.is_demo,
    }
    return render(request, "catalog/dataset.html", context)


def _variable_counts(found: Dataset) -> Counter[str]:
    """Number of variables per kind of potential identifier (A22), the empty kind included."""
    rows = Variable.objects.current().filter(table__dataset=found).order_by()
    return Counter(dict(rows.values_list("identifier").annotate(count=Count("pk"))))


def visible_table(user: Any, code: str, name: str) -> Table:
    """Raises Http404."""
    tables = Table.objects.visible_to(user).select_related("dataset__holder__organisation")
    found: Table = get_object_or_404(tables, dataset__code=code, name=name)
    return found


@login_not_required
@require_safe
def table(request: HttpRequest, code: str, name: str) -> HttpResponse:
    found = visible_table(request.user, code, name)
    text = filter_text(request)
    page = lists.paged(request, variables_of_table(found, request))
    first, last = bounds([found, *page.object_list], today=_described_until(found.dataset))
    context = {
        "table": found,
        "dataset": found.dataset,
        "page": page,
        "filter_text": text,
        "parsed": parse(text),
        "first_year": first,
        "last_year": last,
        "with_years": any(Years.of([one]) for one in page),
        "joins_to": _by_variables(
            (key.variables, key.target_table)
            for key in found.keys.select_related("target_table__dataset")
        ),
        "joined_by": _by_variables(
            (key.target_variables, key.table)
            for key in found.referring_keys.select_related("table__dataset")
        ),
        "demo_data": found.dataset.is_demo,
    }
    return render(request, "catalog/table.html", context)


def _by_variables(keys: Iterable[tuple[list[str], Table]]) -> list[tuple[list[str], list[Table]]]:
    """Tables described today that join by the same variables, together: many share one key."""
    joined: dict[tuple[str, ...], list[Table]] = {}
    for names, other in keys:
        if other.removed_at is None:
            joined.setdefault(tuple(names), []).append(other)
    return [(list(names), sorted(tables, key=str)) for names, tables in joined.items()]


@login_not_required
@require_safe
def variable(request: HttpRequest, name: str) -> HttpResponse:
    """Every table that holds the name; a name that was withdrawn says since when."""
    current = list(holding(name, request))
    removed = list(
        Variable.objects.visible_to(request.user)
        .named(name)
        .exclude(removed_at__isnull=True, table__removed_at__isnull=True)
        .select_related("table__dataset")
        .order_by("removed_at", "table__name")
    )
    rows = current or removed
    if not rows:
        raise Http404
    until = max(_described_until(row.table.dataset) for row in rows)
    first, last = bounds(rows, today=until)
    years = Years.of(current)
    context = {
        "name": rows[0].name,
        "labels": _each(row.label_fr for row in rows),
        "page": lists.paged(request, current),
        "removed": removed,
        "years": years,
        "years_until": until,
        "ended": years is not None and years.valid_until is not None and years.valid_until < until,
        "identifiers": _each(row.get_identifier_display() for row in current if row.identifier),
        "descriptions": _each(row.description for row in current),
        "rules": _each(row.rule for row in current),
        "nomenclatures": _each(row.nomenclature for row in current),
        "types": _each(row.get_data_type_display() for row in current),
        "first_year": first,
        "last_year": last,
        "demo_data": any(row.table.dataset.is_demo for row in rows),
    }
    return render(request, "catalog/variable.html", context)


def _each(texts: Iterable[str]) -> list[str]:
    """Each text once, empty ones left out, in their order."""
    return [text for text in dict.fromkeys(texts) if text]
