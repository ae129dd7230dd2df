"""What answers when the index does not: plain SQL, fewer results, no counts per facet.

Not an engine to choose: a net under the page. No stems, no accents folded, no ranking.
"""

from typing import Any

from django.db.models import Count, Q, QuerySet

from catalog import counts
from catalog.models import Dataset, Table, Variable
from catalog.search.query import Hit, SearchRequest, SearchResult


_DATASET = {"route": "ask_route", "nature": "kind", "holder": "holder__organisation__code"}
_FIELDS = {
    "dataset": ("code", "acronym", "title_fr", "summary_fr", "holder__organisation__name"),
    "table": ("name", "label_fr", "dataset__title_fr"),
    "variable": ("name", "label_fr"),
}
_PREFIX = {"dataset": "", "table": "dataset__", "variable": "table__dataset__"}


def _rows(kind: str) -> QuerySet[Any]:
    model: Any = {"dataset": Dataset, "table": Table, "variable": Variable}[kind]
    found: QuerySet[Any] = model.objects.published()
    return found


def _where(kind: str, request: SearchRequest) -> Q:
    where = Q()
    texts = [part.raw for group in request.parsed.groups for part in group.parts]
    texts += [word.plain for phrase in request.parsed.phrases for word in phrase]
    for text in texts:
        for piece in text.replace("’", "'").split("'"):
            if len(piece) < 2:
                continue
            one = Q()
            for field in _FIELDS[kind]:
                one |= Q(**{f"{field}__icontains": piece})
            where &= one
    prefix = _PREFIX[kind]
    for facet, values in request.facets.items():
        if facet in _DATASET:
            where &= Q(**{f"{prefix}{_DATASET[facet]}__in": values})
        elif facet == "dataset" and kind != "dataset":
            where &= Q(**{f"{prefix}code__in": values})
        elif facet in ("theme", "category") and kind == "dataset":
            where &= Q(terms__code__in=values, terms__scheme=f"health-{facet}")
        elif facet == "identifier" and kind == "variable":
            where &= Q(identifier__in=values)
        elif facet == "type" and kind == "variable":
            where &= Q(data_type__in=values)
    return where


def _total(kind: str, request: SearchRequest) -> int:
    key = "name_key" if kind == "variable" else "pk"
    where = _where(kind, request)
    found = _rows(kind).filter(where).order_by()

    def count() -> int:
        return int(found.aggregate(total=Count(key, distinct=True))["total"])

    return count() if where else counts.kept(f"database:{kind}", count)


def search(request: SearchRequest) -> SearchResult:
    """Answer from the database: four queries, one when nothing is asked and the counts are kept."""
    result = SearchResult(engine="database")
    result.kinds = {kind: _total(kind, request) for kind in _FIELDS}
    result.total = result.kinds[request.kind]
    start = (request.page - 1) * request.size
    found = _rows(request.kind).filter(_where(request.kind, request))
    page = slice(start, start + request.size)
    if request.kind == "variable":
        keys = found.order_by("name_key").values_list("name_key", flat=True).distinct()[page]
    elif request.kind == "table":
        keys = found.order_by("label_fr", "name", "pk").values_list("pk", flat=True)[page]
    else:
        order = ["-as_of"] if request.sort == "updated" else []
        keys = (
            found.order_by(*order, "title_fr", "pk").values_list("pk", flat=True).distinct()[page]
        )
    result.hits = [Hit(request.kind, str(key)) for key in keys]
    return result
