"""Pages of one dataset, one table, one variable name."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Table, TableKey, Variable
from catalog.search.query import parse
from catalog.timeline import Years, bounds
from portal.common.calendar import legal_today

from . import lists
from .summary import summary


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
    rows = found.tables.current().counting_variables()
    return lists.ordered(request, rows, lists.TABLES, default=("position", "name"), of=of)


def links_of(found: Dataset, request: HttpRequest, *, of: str = "") -> QuerySet[Any]:
    """Keys between tables that are both described today, for the person too."""
    rows = TableKey.objects.current().visible_to(request.user).filter(table__dataset=found)
    rows = rows.select_related("table", "target_table__dataset")
    default = ("table__position", "table__name", "target_table__name", "pk")
    return lists.ordered(request, rows, lists.LINKS, default=default, of=of)


def variables_of_table(found: Table, request: HttpRequest) -> QuerySet[Any]:
    rows = filtered(found.variables.held(), filter_text(request))
    return lists.ordered(request, rows, lists.VARIABLES, default=("position", "name"))


def holding(name: str, request: HttpRequest) -> QuerySet[Any]:
    """Variables of one name that are described today, with their table and base."""
    rows = (
        Variable.objects.visible_to(request.user)
        .named(name)
        .select_related("table__dataset__holder__organisation")
        .current()
    )
    default = ("table__dataset__title_fr", "table__position", "table__name", "pk")
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
    tables = lists.paged(request, tables_of(found, request, of="tables"), of="tables")
    for one in tables:
        one.dataset = found  # the same base for every row: not read again
    variables = _variable_counts(found)
    first, last = bounds(list(tables), today=_described_until(found))
    context = {
        "dataset": found,
        "tables": tables,
        "links": lists.paged(request, links_of(found, request, of="liens"), of="liens"),
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
        "joins_to": _joined(request, found.keys, "variables", "target_table"),
        "joined_by": _joined(request, found.referring_keys, "target_variables", "table"),
        "demo_data": found.dataset.is_demo,
    }
    return render(request, "catalog/table.html", context)


@dataclass(frozen=True, slots=True)
class Joined:
    """Tables that join by the same variables, together: many share one key."""

    by_variables: list[tuple[list[str], list[Table]]]
    page: Page[TableKey]
    page_param: str

    def __bool__(self) -> bool:
        return bool(self.by_variables)


def _joined(request: HttpRequest, keys: Any, names: str, other: str) -> Joined:
    """Of tables described today. `names`, `other`: fields of a key, as seen from the page's table.

    A table of reference may be joined by thousands: by pages, one query when one page has all.
    """
    rows = keys.visible_to(request.user).filter(**{f"{other}__removed_at__isnull": True})
    page = lists.paged(request, rows.select_related(f"{other}__dataset"), of=other)
    joined: dict[tuple[str, ...], list[Table]] = {}
    for key in page:
        joined.setdefault(tuple(getattr(key, names)), []).append(getattr(key, other))
    groups = [(list(by), sorted(tables, key=str)) for by, tables in joined.items()]
    return Joined(groups, page, f"page_{other}")


@login_not_required
@require_safe
def variable(request: HttpRequest, name: str) -> HttpResponse:
    """Every table that holds the name; a name that was withdrawn says since when."""
    holders = holding(name, request)
    page = lists.paged(request, holders)
    gone = (
        Variable.objects.visible_to(request.user)
        .named(name)
        .gone()
        .select_related("table__dataset")
        .order_by("removed_at", "table__name", "pk")
    )
    removed = lists.paged(request, gone, of="retirees")
    rows, shown = (holders, page) if page.paginator.count else (gone, removed)
    if not shown.paginator.count:
        raise Http404
    found = summary(rows, shown.paginator.count, list(shown))
    first, last = bounds(found.spans, today=found.until)
    here = rows is holders
    years = Years.of(found.spans) if here else None
    context = {
        "name": found.name,
        "labels": found.texts["label_fr"],
        "page": page,
        "removed": removed,
        "gone": None if here else removed.paginator.page(1)[0],
        "years": years,
        "years_until": found.until,
        "ended": years is not None
        and years.valid_until is not None
        and years.valid_until < found.until,
        "identifiers": found.identifiers if here else [],
        "descriptions": found.texts["description"] if here else [],
        "rules": found.texts["rule"] if here else [],
        "nomenclatures": found.texts["nomenclature"] if here else [],
        "types": found.types if here else [],
        "left": found.left,
        "first_year": first,
        "last_year": last,
        "demo_data": found.is_demo,
    }
    return render(request, "catalog/variable.html", context)
