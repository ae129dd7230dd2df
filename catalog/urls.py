"""Public addresses of the catalogue. `home` has no namespace: every room names it."""

from django.urls import include, path, register_converter

from catalog.pages import exports, home, pages, results

from .names import wrong_with


class NameConverter:
    """A table's or variable's name, in the words of `catalog.names`."""

    regex = r"[^/\x00]+"

    def to_python(self, value: str) -> str:
        if wrong_with(value):
            raise ValueError  # answered 404
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(NameConverter, "catalog_name")
catalogue = (
    [
        path("recherche/", results.results, name="search"),
        path("recherche/export.csv", exports.results, name="search_export"),
        path("bases/<slug:code>/dictionnaire.csv", exports.dictionary, name="dictionary"),
        path("bases/<slug:code>/tables.csv", exports.tables, name="tables_export"),
        path("bases/<slug:code>/liens.csv", exports.links, name="links_export"),
        path("bases/<slug:code>/", pages.dataset, name="dataset"),
        path("bases/<slug:code>/tables/<catalog_name:name>/", pages.table, name="table"),
        path(
            "bases/<slug:code>/tables/<catalog_name:name>/dictionnaire.csv",
            exports.table_dictionary,
            name="table_dictionary",
        ),
        path("variables/<catalog_name:name>/", pages.variable, name="variable"),
        path("variables/<catalog_name:name>/tables.csv", exports.holding, name="holding_export"),
    ],
    "catalog",
)
urlpatterns = [
    path("", home.home, name="home"),
    path("", include(catalogue)),
    path("api/v1/", include("catalog.api.urls")),
]
