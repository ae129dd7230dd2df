"""Pages of a list: the first ones by their number, all of them by following `next`.

`next` and `previous` carry the key of a row, so that each page of a crawl is sought through the
index of the order, whatever its depth; an OFFSET reads all that it leaves out.
"""

import base64
import binascii
import json
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from catalog import counts

from .parameters import whole_number


PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
DEEPEST = 10_000  # last row that a page number leads to
_LARGEST = 2**31 - 1
_LONGEST = 400  # characters of one value of a key


class Pages(BasePagination):
    """For a view with `order`: fields, none of them null, that tell any two rows apart; and
    `counted`: its filters of few values, whose counts are kept."""

    parameters = frozenset({"page", "page_size", "after", "before"})

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """Raises ValidationError, NotFound."""
        self.request, self.order = request, tuple(view.order)
        size = whole_number(request, "page_size", PAGE_SIZE, MAX_PAGE_SIZE)
        ways = [name for name in ("page", "after", "before") if name in request.query_params]
        if len(ways) > 1:
            message = _("Un seul de ces paramètres à la fois : page, after, before.")
            raise serializers.ValidationError({name: [message] for name in ways})
        key = self._key(ways[0]) if ways and ways != ["page"] else None
        number = whole_number(request, "page", 1)
        self.count = self._counted(queryset, view)
        rows = queryset.order_by(*self.order)
        if key is not None:
            return self._sought(rows, ways[0], key, size)
        last = max(1, -(-self.count // size))
        if number > last:
            raise NotFound(_("La dernière page est la page %(last)s.") % {"last": last})
        if number > 1 and number * size > DEEPEST:
            message = _(
                "Les numéros de page s’arrêtent à la ligne %(n)s."
                " Pour aller plus loin, suivez les liens « next »."
            )
            raise serializers.ValidationError({"page": [message % {"n": DEEPEST}]})
        start = (number - 1) * size
        found = list(rows[start : start + size + 1])
        return self._page(found[:size], before=number > 1, after=len(found) > size)

    def _counted(self, rows: QuerySet[Any], view: Any) -> int:
        """Kept when the filters asked for have few values; counted otherwise."""
        shape = {"format", *self.parameters}
        asked = {k: v for k, v in self.request.query_params.items() if v and k not in shape}
        if not asked.keys() <= view.counted:
            return rows.count()
        name = "&".join([view.basename, *(f"{k}={v}" for k, v in sorted(asked.items()))])
        return counts.kept(name, rows.count)

    def _sought(self, rows: QuerySet[Any], way: str, key: list[Any], size: int) -> list[Any]:
        after = way == "after"
        sign = "gt" if after else "lt"
        beyond = Q()
        for name, value in reversed(list(zip(self.order, key, strict=True))):
            further = Q(**{f"{name}__{sign}": value})
            beyond = further | (Q(**{name: value}) & beyond) if beyond else further
        # The alternatives hide the index of the order: it is entered by its first field.
        rows = rows.filter(beyond, **{f"{self.order[0]}__{sign}e": key[0]})
        found = list((rows if after else rows.reverse())[: size + 1])
        more, found = len(found) > size, found[:size]
        if after:
            return self._page(found, before=True, after=more)
        return self._page(found[::-1], before=more, after=True)

    def _page(self, found: list[Any], *, before: bool, after: bool) -> list[Any]:
        self.previous = self._link("before", found[0]) if before and found else None
        self.next = self._link("after", found[-1]) if after and found else None
        return found

    def _link(self, way: str, row: Any) -> str:
        values = []
        for name in self.order:
            value = row
            for step in name.split("__"):
                value = getattr(value, step)
            values.append(value)
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        key = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        url = self.request.build_absolute_uri()
        for name in ("page", "after", "before"):
            url = remove_query_param(url, name)
        return str(replace_query_param(url, way, key))

    def _key(self, way: str) -> list[Any]:
        """The key of a link. Raises ValidationError for one that no link has."""
        text = self.request.query_params[way]
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            key = json.loads(raw)
        except (ValueError, binascii.Error, RecursionError):
            key = None
        if (
            not isinstance(key, list)
            or len(key) != len(self.order)
            or not all(map(_fits, self.order, key))
        ):
            message = _("Cette clé ne vient pas de nos liens : suivez « next » ou « previous ».")
            raise serializers.ValidationError({way: [message]})
        return key

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"count": self.count, "next": self.next, "previous": self.previous, "results": data}
        )

    # --- What the description of the API says of it -----------------------------------------------

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        example = "http://api.example.org/accounts/?{}=WyJiYXNlLWEiXQ"
        return {
            "type": "object",
            "required": ["count", "results"],
            "properties": {
                "count": {"type": "integer", "example": 123},
                "next": link | {"example": example.format("after")},
                "previous": link | {"example": example.format("before")},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, _view: Any) -> list[dict[str, Any]]:
        whole = {"type": "integer", "minimum": 1}
        told: list[tuple[str, dict[str, Any], str]] = [
            (
                "page",
                whole,
                _("Numéro de page, jusqu’à la ligne 10 000 : au-delà, suivez « next »."),
            ),
            ("page_size", whole | {"maximum": MAX_PAGE_SIZE}, _("Nombre de lignes par page.")),
            ("after", {"type": "string"}, _("Clé que porte le lien « next ».")),
            ("before", {"type": "string"}, _("Clé que porte le lien « previous ».")),
        ]
        return [
            {"name": name, "required": False, "in": "query", "description": text, "schema": schema}
            for name, schema, text in told
        ]


def _fits(name: str, value: Any) -> bool:
    """Whether a value of a key can be one of the field: a rank is a number, the others texts."""
    if name.endswith("position"):
        return type(value) is int and 0 <= value <= _LARGEST
    if not isinstance(value, str) or len(value) > _LONGEST:
        return False
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
