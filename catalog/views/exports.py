"""Lists as CSV: the results of a search, and the dictionary of a base."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.models import Dataset, Variable
from catalog.search.query import SearchRequest
from catalog.search.service import search

from .params import read
from .results import Found, load


MAX_HITS = 1000
PART = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that gives back what is written, for a streamed answer."""

    def write(self, value: str) -> str:
        return value


def _safe(value: Any) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_response(name: str, head: list[str], rows: Iterable[list[Any]]) -> StreamingHttpResponse:
    writer = csv.writer(_Echo(), delimiter=";")

    def lines() -> Iterator[str]:
        yield "\ufeff"
        yield writer.writerow(head)
        for row in rows:
            yield writer.writerow([_safe(value) for value in row])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


@login_not_required
@require_safe
def results(request: HttpRequest) -> StreamingHttpResponse:
    """The hits of a search, in its order, 1,000 at most."""
    params = read(request.GET)
    head = [
        _("nature"),
        _("nom"),
        _("libellé"),
        _("bases"),
        _("tables"),
        _("identifiant potentiel"),
    ]
    return csv_response("resultats", head, _hits(replace(params.request, size=PART)))


def _hits(asked: SearchRequest) -> Iterator[list[Any]]:
    for page in range(1, MAX_HITS // PART + 1):
        result = search(replace(asked, page=page))
        for hit in load(result.hits, asked.parsed):
            yield _row(hit)
        if page * PART >= result.total:
            return


def _row(hit: Found) -> list[Any]:
    bases = ", ".join(dataset.code for dataset in hit.datasets)
    tables = ", ".join(table.name for table in hit.tables)
    if hit.kind == "dataset":
        return [_("base"), hit.object.code, hit.object.title_fr, bases, "", ""]
    if hit.kind == "table":
        return [_("table"), hit.object.name, hit.object.label_fr, bases, hit.object.name, ""]
    label = hit.labels[0] if hit.labels else ""
    return [_("variable"), hit.name, label, bases, tables, hit.identifier]


@login_not_required
@require_safe
def dictionary(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """Every variable of a base, in the order of its tables."""
    found = get_object_or_404(Dataset.objects.visible_to(request.user), code=code)
    variables = (
        Variable.objects.current()
        .filter(table__dataset=found)
        .select_related("table")
        .order_by("table__position", "table__name", "position", "name")
    )
    head = [
        _("table"), _("variable"), _("libellé"), _("type"), _("nomenclature"),
        _("première année"), _("dernière année"), _("années absentes"),
        _("identifiant potentiel"), _("description"),
    ]  # fmt: skip
    rows = (
        [
            v.table.name, v.name, v.label_fr, v.get_data_type_display(), v.nomenclature,
            v.valid_from, v.valid_until, " ".join(map(str, v.missing_years)),
            v.get_identifier_display() if v.identifier else "", v.description,
        ]
        for v in variables.iterator(chunk_size=1000)
    )  # fmt: skip
    return csv_response(f"dictionnaire-{found.code}", head, rows)
