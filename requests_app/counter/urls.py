"""Addresses of requests: the applicant's pages and the counter's."""

from django.urls import include, path


app_name = "requests_app"
urlpatterns = [
    path("", include("requests_app.counter.pages.applicant.urls")),
    path("", include("requests_app.counter.pages.staff.urls")),
]
