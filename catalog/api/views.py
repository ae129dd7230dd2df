"""Read-only API of the catalogue: what the public pages show, for machines."""

from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.models import Dataset, Table, TableKey, Variable
from catalog.pages.found import Found
from catalog.pages.places import LISTED
from catalog.pages.results import load
from catalog.search.backends.base import DEEPEST
from catalog.search.query import FACETS, SearchRequest, parse
from catalog.search.service import search

from .paging import Pages
from .parameters import StrictParameters, TrueOrFalse
from .serializers import (
    DatasetSerializer,
    SearchParametersSerializer,
    SearchSerializer,
    TableSerializer,
    VariableSerializer,
)


PAGE_SIZE = 20


class ReadOnlyViewSet(
    StrictParameters,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Any],
):
    """Lists take the filters of the `filterset_class` and a page; one object takes nothing.

    `tag`: under which word the API's description has it (`make openapi` reads it).
    """

    tag: str
    pagination_class = Pages
    order: tuple[str, ...]  # fields that tell any two rows apart
    counted: frozenset[str] = frozenset()  # filters of few values

    def known_parameters(self) -> set[str]:
        known = super().known_parameters()
        if self.action == "list":
            known |= {*Pages.parameters, *self.filterset_class.base_filters}  # type: ignore[attr-defined]
        return known


class DatasetFilter(django_filters.FilterSet):
    holder = django_filters.CharFilter(field_name="holder__organisation__code")
    is_demo = TrueOrFalse(field_name="is_demo")

    class Meta:
        model = Dataset
        fields = ["kind", "ask_route"]


class DatasetViewSet(ReadOnlyViewSet):
    """Bases décrites et publiées."""

    tag = "bases"
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter
    lookup_field = "code"
    queryset = Dataset.objects.none()
    order = ("code",)
    counted = frozenset({"kind", "ask_route", "is_demo"})

    def get_queryset(self) -> QuerySet[Dataset]:
        return (
            Dataset.objects.published()
            .select_related("holder__organisation")
            .prefetch_related("controllers", "terms")
        )


class TableFilter(django_filters.FilterSet):
    dataset = django_filters.CharFilter(field_name="dataset__code")

    class Meta:
        model = Table
        fields = ["name"]


class TableViewSet(ReadOnlyViewSet):
    """Tables des bases publiées, avec leurs clés."""

    tag = "tables"
    serializer_class = TableSerializer
    filterset_class = TableFilter
    queryset = Table.objects.none()
    order = ("dataset__code", "position", "name")

    def get_queryset(self) -> QuerySet[Table]:
        keys = TableKey.objects.published().select_related("target_table__dataset")
        return (
            Table.objects.published()
            .select_related("dataset")
            .prefetch_related(Prefetch("keys", keys))
        )


class VariableFilter(django_filters.FilterSet):
    dataset = django_filters.CharFilter(field_name="table__dataset__code")
    table = django_filters.CharFilter(field_name="table__name")
    name = django_filters.CharFilter(method="by_name")

    class Meta:
        model = Variable
        fields = ["identifier", "data_type", "nomenclature"]

    def by_name(self, rows: Any, _field: str, value: str) -> Any:
        return rows.named(value)


class VariableViewSet(ReadOnlyViewSet):
    """Variables des bases publiées. `identifier` : identifiant potentiel, à justifier."""

    tag = "variables"
    serializer_class = VariableSerializer
    filterset_class = VariableFilter
    queryset = Variable.objects.none()
    order = ("table__dataset__code", "table__position", "table__name", "position", "name")
    counted = frozenset({"identifier", "data_type"})

    def get_queryset(self) -> QuerySet[Variable]:
        return Variable.objects.published().select_related("table__dataset")


class RootView(StrictParameters, APIView):
    """Where to go from `/api/v1/`."""

    schema = None  # what it says is not described

    def get(self, request: Request) -> Response:
        names = {"datasets": "dataset-list", "tables": "table-list", "variables": "variable-list",
                 "search": "search", "schema": "schema", "docs": "docs"}  # fmt: skip
        return Response(
            {
                key: request.build_absolute_uri(reverse(f"catalog_api:{name}"))
                for key, name in names.items()
            }
        )


class SearchView(StrictParameters, APIView):
    """La recherche des pages publiques. Un paramètre répété élargit le filtre."""

    tag = "recherche"
    parameters = frozenset(SearchParametersSerializer().fields)
    query_serializer_class = SearchParametersSerializer
    serializer_class = SearchSerializer

    def get(self, request: Request) -> Response:
        parameters = SearchParametersSerializer(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        values = parameters.validated_data
        kind = values["kind"]
        facets = {name: tuple(values[name]) for name in FACETS if values.get(name)}
        asked = SearchRequest(
            parse(values["q"]), kind, facets, values["sort"], values["page"], PAGE_SIZE
        )
        result = search(asked)
        pages = -(-min(result.total, DEEPEST) // PAGE_SIZE)
        if asked.page > max(pages, 1):
            raise NotFound(
                _("Les résultats s’arrêtent à la page %(last)s.") % {"last": max(pages, 1)}
            )
        found = load(result.hits, asked.parsed, listed=LISTED)
        body = {
            "count": result.total,
            "page": asked.page,
            "pages": pages,
            "approximate": result.loosened,
            "degraded": result.engine == "database",
            "also": asked.parsed.also,
            "kinds": result.kinds,
            "facets": result.facets,
            "results": [self._hit(request, hit) for hit in found],
        }
        return Response(SearchSerializer(body).data)

    @staticmethod
    def _hit(request: Request, hit: Found) -> dict[str, Any]:
        if hit.kind == "dataset":
            name, label, path = hit.object.code, hit.object.title_fr, hit.object.get_absolute_url()
        elif hit.kind == "table":
            name, label, path = hit.object.name, hit.object.label_fr, hit.object.get_absolute_url()
        else:
            name = hit.name
            label = hit.labels[0] if hit.labels else ""
            path = reverse("catalog:variable", args=[hit.name])
        return {
            "kind": hit.kind,
            "name": name,
            "label": label,
            "url": request.build_absolute_uri(path),
            "datasets": hit.base_codes,
            "tables": hit.table_names,
            "table_count": hit.total,
            "identifier": hit.identifier_code,
        }
