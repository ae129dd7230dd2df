"""Public addresses of the catalogue. `home` has no namespace: every room names it."""

from django.urls import include, path

from .views import home, pages, results


catalogue = (
    [
        path("recherche/", results.results, name="search"),
        path("bases/<slug:code>/", pages.dataset, name="dataset"),
        path("bases/<slug:code>/tables/<str:name>/", pages.table, name="table"),
        path("variables/<str:name>/", pages.variable, name="variable"),
    ],
    "catalog",
)
urlpatterns = [
    path("", home.home, name="home"),
    path("", include(catalogue)),
    path("api/v1/", include("catalog.api.urls")),
]
