"""Pages of one dataset, one table, one variable name."""

from collections import Counter
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Table, TableKey, Variable
from catalog.search.query import parse
from catalog.timeline import bounds
from portal.common.calendar import legal_today


PAGE_SIZE = 100


def _filtered(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Variables whose name or label holds every word typed in a page's own filter."""
    for word in text.split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(label_fr__icontains=word))
    return rows


def _described_until(dataset: Dataset) -> int:
    """The last year the description speaks of (C16: some dictionaries are years old)."""
    return dataset.as_of.year if dataset.as_of else legal_today().year


def _filter_text(request: HttpRequest) -> str:
    return request.GET.get("variables", "").replace("\0", "").strip()[:100]


@login_not_required
@require_safe
def dataset(request: HttpRequest, code: str) -> HttpResponse:
    found = get_object_or_404(
        Dataset.objects.visible_to(request.user)
        .select_related("holder__organisation")
        .prefetch_related("controllers", "terms", "distributions"),
        code=code,
    )
    text = _filter_text(request)
    tables = list(
        found.tables.current().annotate(
            variable_count=Count("variables", filter=Q(variables__removed_at__isnull=True))
        )
    )
    page = None
    if text:
        matching = _filtered(
            Variable.objects.current().filter(table__dataset=found), text
        ).select_related("table__dataset")
        page = Paginator(matching.order_by("name", "table__name"), PAGE_SIZE).get_page(
            request.GET.get("page")
        )
    first, last = bounds(tables, today=_described_until(found))
    keys = TableKey.objects.filter(
        table__dataset=found, table__removed_at__isnull=True, target_table__removed_at__isnull=True
    ).select_related("table", "target_table__dataset")
    context = {
        "dataset": found,
        "tables": tables,
        "keys": list(keys),
        "variable_count": sum(table.variable_count for table in tables),
        "identifiers": _identifier_counts(found),
        "filter_text": text,
        "page": page,
        "parsed": parse(text),
        "first_year": first,
        "last_year": last,
        "demo_data": found.is_demo,
    }
    return render(request, "catalog/dataset.html", context)


def _identifier_counts(found: Dataset) -> list[tuple[str, int]]:
    """Potential identifiers of the dataset: kind in words, number of variables (A22)."""
    kinds = (
        Variable.objects.current()
        .filter(table__dataset=found)
        .identifying()
        .values_list("identifier", flat=True)
    )
    counts = Counter(kinds)
    return [(str(k.label), counts[k.value]) for k in Variable.Identifier if counts[k.value]]


@login_not_required
@require_safe
def table(request: HttpRequest, code: str, name: str) -> HttpResponse:
    found = get_object_or_404(
        Table.objects.visible_to(request.user).select_related("dataset__holder__organisation"),
        dataset__code=code,
        name=name,
    )
    text = _filter_text(request)
    variables = _filtered(found.variables.filter(removed_at__isnull=True), text)
    page = Paginator(variables.order_by("position", "name"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    first, last = bounds([found, *page.object_list], today=_described_until(found.dataset))
    shown = {"removed_at__isnull": True}
    context = {
        "table": found,
        "dataset": found.dataset,
        "page": page,
        "filter_text": text,
        "parsed": parse(text),
        "first_year": first,
        "last_year": last,
        "keys": found.keys.select_related("target_table__dataset").filter(
            **{f"target_table__{k}": v for k, v in shown.items()}
        ),
        "referring": found.referring_keys.select_related("table__dataset").filter(
            **{f"table__{k}": v for k, v in shown.items()}
        ),
        "demo_data": found.dataset.is_demo,
    }
    return render(request, "catalog/table.html", context)


@login_not_required
@require_safe
def variable(request: HttpRequest, name: str) -> HttpResponse:
    """Every table that holds the name; a name that was withdrawn says since when."""
    rows = list(
        Variable.objects.visible_to(request.user)
        .named(name)
        .select_related("table__dataset__holder__organisation")
        .order_by("removed_at", "table__dataset__title_fr", "table__position", "table__name")
    )
    if not rows:
        raise Http404
    current = [row for row in rows if row.removed_at is None and row.table.removed_at is None]
    until = max(_described_until(row.table.dataset) for row in rows)
    first, last = bounds(current or rows, today=until)
    context = {
        "name": (current or rows)[0].name,
        "labels": list(dict.fromkeys(row.label_fr for row in current or rows if row.label_fr)),
        "rows": current,
        "removed": [row for row in rows if row not in current],
        "identifiers": list(
            dict.fromkeys(row.get_identifier_display() for row in current if row.identifier)
        ),
        "descriptions": list(dict.fromkeys(r.description for r in current if r.description)),
        "rules": list(dict.fromkeys(row.rule for row in current if row.rule)),
        "nomenclatures": list(dict.fromkeys(r.nomenclature for r in current if r.nomenclature)),
        "types": list(dict.fromkeys(row.get_data_type_display() for row in current)),
        "first_year": first,
        "last_year": last,
        "demo_data": any(row.table.dataset.is_demo for row in rows),
    }
    return render(request, "catalog/variable.html", context)
