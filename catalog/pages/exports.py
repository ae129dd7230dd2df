"""Lists as CSV: the results of a search, and the dictionary of a base."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from catalog.models import Dataset
from catalog.pages.found import Found
from catalog.pages.results import load
from catalog.search.query import SearchRequest
from catalog.search.service import search

from . import pages
from .params import read
from .places import LISTED


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
        for hit in load(result.hits, asked.parsed, listed=LISTED):
            yield _row(hit)
        if page * PART >= result.total:
            return


def _row(hit: Found) -> list[Any]:
    bases = ", ".join(hit.base_codes)
    tables = ", ".join(hit.table_names)
    if hit.kind == "dataset":
        return [_("base"), hit.object.code, hit.object.title_fr, bases, "", ""]
    if hit.kind == "table":
        return [_("table"), hit.object.name, hit.object.label_fr, bases, hit.object.name, ""]
    if left := hit.total - len(hit.places):
        tables += ngettext(" et %(n)s autre", " et %(n)s autres", left) % {"n": left}
    label = hit.labels[0] if hit.labels else ""
    return [_("variable"), hit.name, label, bases, tables, hit.identifier]


def _dataset(request: HttpRequest, code: str) -> Dataset:
    found: Dataset = get_object_or_404(Dataset.objects.visible_to(request.user), code=code)
    return found


@login_not_required
@require_safe
def dictionary(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """The variables of a base, as its page filters and sorts them; all of them by default."""
    found = _dataset(request, code)
    return _dictionary(f"dictionnaire-{found.code}", pages.variables_of(found, request))


@login_not_required
@require_safe
def table_dictionary(request: HttpRequest, code: str, name: str) -> StreamingHttpResponse:
    """The variables of a table, as its page filters and sorts them."""
    found = pages.visible_table(request.user, code, name)
    rows = pages.variables_of_table(found, request).select_related("table")
    return _dictionary(f"dictionnaire-{found.dataset.code}-{slugify(found.name)}", rows)


def _dictionary(file: str, variables: QuerySet[Any]) -> StreamingHttpResponse:
    head = [
        _("table"), _("variable"), _("libellé"), _("type"), _("nomenclature"),
        _("première année"), _("dernière année"), _("années absentes"),
        _("identifiant potentiel"), _("description"),
    ]  # fmt: skip
    rows = (
        [
            v.table.name, v.name, v.label_fr, v.get_data_type_display(), v.nomenclature,
            *_years(v), v.get_identifier_display() if v.identifier else "", v.description,
        ]
        for v in variables.iterator(chunk_size=1000)
    )  # fmt: skip
    return csv_response(file, head, rows)


def _years(subject: Any) -> list[Any]:
    missing = " ".join(str(year) for year in subject.missing_years)
    return [subject.valid_from, subject.valid_until, missing]


@login_not_required
@require_safe
def tables(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """The tables of a base."""
    found = _dataset(request, code)
    head = [
        _("table"), _("libellé"), _("variables"), _("clé primaire"),
        _("première année"), _("dernière année"), _("années absentes"), _("description"),
    ]  # fmt: skip
    rows = (
        [t.name, t.label_fr, t.variable_count, ", ".join(t.primary_key), *_years(t), t.description]
        for t in pages.tables_of(found, request, of="tables").iterator(chunk_size=1000)
    )
    return csv_response(f"tables-{found.code}", head, rows)


@login_not_required
@require_safe
def links(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """The keys that join the tables of a base."""
    found = _dataset(request, code)
    head = [
        _("table"), _("variables"), _("base visée"), _("table visée"), _("variables visées"),
    ]  # fmt: skip
    rows = (
        [
            key.table.name, ", ".join(key.variables), key.target_table.dataset.code,
            key.target_table.name, ", ".join(key.target_variables),
        ]
        for key in pages.links_of(found, request, of="liens").iterator(chunk_size=1000)
    )  # fmt: skip
    return csv_response(f"liens-{found.code}", head, rows)


@login_not_required
@require_safe
def holding(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """The tables that hold a variable."""
    found = pages.holding(name, request)
    if not found.exists():
        raise Http404
    head = [
        _("variable"), _("base"), _("table"), _("libellé"), _("type"), _("nomenclature"),
        _("première année"), _("dernière année"), _("années absentes"), _("identifiant potentiel"),
    ]  # fmt: skip
    rows = (
        [
            v.name, v.table.dataset.code, v.table.name, v.label_fr, v.get_data_type_display(),
            v.nomenclature, *_years(v), v.get_identifier_display() if v.identifier else "",
        ]
        for v in found.select_related(None).select_related("table__dataset").iterator(1000)
    )  # fmt: skip
    return csv_response(f"tables-{slugify(name)}", head, rows)
