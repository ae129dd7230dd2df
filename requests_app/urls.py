"""Addresses of requests: the applicant's pages and the counter's."""

from django.urls import include, path


app_name = "requests_app"
urlpatterns = [
    path("", include("requests_app.views.applicant_urls")),
    path("", include("requests_app.views.staff_urls")),
]
