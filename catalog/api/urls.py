from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from .description import DescriptionView
from .docs import documentation
from .views import DatasetViewSet, RootView, SearchView, TableViewSet, VariableViewSet


app_name = "catalog_api"
router = SimpleRouter()
router.register("datasets", DatasetViewSet, basename="dataset")
router.register("tables", TableViewSet, basename="table")
router.register("variables", VariableViewSet, basename="variable")

urlpatterns = [
    path("", RootView.as_view(), name="root"),
    path("", include(router.urls)),
    path("search/", SearchView.as_view(), name="search"),
    path("schema/", login_not_required(DescriptionView.as_view()), name="schema"),
    path("docs/", documentation, name="docs"),
]
