"""Lists of the catalogue's pages, sorted and paged by the address; odd values give the default."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower
from django.http import HttpRequest


PAGE_SIZE = 100
Sorts = Mapping[str, Sequence[str]]

VARIABLES: Sorts = {  # word of the address: fields
    "libelle": ("label_fr", "name"),
    "nom": ("name", "table__name"),
    "table": ("table__name", "position"),
    "type": ("data_type", "name"),
    "nomenclature": ("nomenclature", "name"),
    "annees": ("valid_from", "valid_until", "name"),
}
TABLES: Sorts = {
    "libelle": ("label_fr", "name"),
    "nom": ("name",),
    "variables": ("variable_count", "name"),
    "annees": ("valid_from", "valid_until", "name"),
}
LINKS: Sorts = {
    "table": ("table__name", "target_table__name"),
    "visee": ("target_table__name", "table__name"),
}
HOLDING: Sorts = {  # of the tables that hold a variable
    "table": ("table__name", "table__dataset__title_fr"),
    "base": ("table__dataset__title_fr", "table__position", "table__name"),
    "libelle": ("label_fr", "table__name"),
    "annees": ("valid_from", "valid_until", "table__name"),
}


def ordered(
    request: HttpRequest, rows: QuerySet[Any], sorts: Sorts, *, default: Sequence[str], of: str = ""
) -> QuerySet[Any]:
    """Rows in the order of `?tri=…`, reversed by a `-` before the word; empty values come last.

    A page's second list has a name, `of`, and the word `?tri_<of>=…`.
    """
    word = request.GET.get(_param("tri", of), "")
    fields = sorts.get(word.removeprefix("-"))
    if fields is None:
        return rows.order_by(*default)
    return rows.order_by(*_orders(fields, reverse=word.startswith("-")), "pk")


def _orders(fields: Sequence[str], *, reverse: bool) -> list[OrderBy]:
    # Labels start with a capital or not, as their dictionaries please.
    keys = [Lower(name) if name.endswith(("label_fr", "title_fr")) else F(name) for name in fields]
    return [key.desc(nulls_last=True) if reverse else key.asc(nulls_last=True) for key in keys]


class _Opened(Paginator):  # type: ignore[type-arg]
    """Pages of rows whose first page, and one row more, are at hand."""

    def __init__(self, rows: "QuerySet[Any]", first: list[Any]) -> None:
        super().__init__(rows if len(first) > PAGE_SIZE else first, PAGE_SIZE)
        self.first = first

    def page(self, number: Any) -> Page[Any]:
        if self.validate_number(number) == 1:
            return Page(self.first[:PAGE_SIZE], 1, self)
        return super().page(number)


def paged(request: HttpRequest, rows: QuerySet[Any], *, of: str = "") -> Page[Any]:
    """The page of `?page=…`, or `?page_<of>=…`; an odd number gives the first or the last.

    Rows that fit in one page are not counted: one query. Two otherwise.
    """
    asked = request.GET.get(_param("page", of))
    if asked in (None, "1"):
        return _Opened(rows, list(rows[: PAGE_SIZE + 1])).get_page(asked)
    return Paginator(rows, PAGE_SIZE).get_page(asked)


def _param(name: str, of: str) -> str:
    return f"{name}_{of}" if of else name
