"""All addresses of the portal: the only module that knows every room."""

from django.contrib import admin
from django.urls import include, path


urlpatterns = [
    path("", include("catalog.urls")),
    path("compte/", include("portal.accounts.urls")),
    path("messages/", include("portal.notifications.urls")),
    path("", include("requests_app.counter.urls")),
    path("", include("portal.common.urls")),
    path("admin/", admin.site.urls),
]

# Pages for people, problem details under /api/.
handler400 = "portal.common.body_limits.bad_request"
handler404 = "portal.common.problems.page_not_found"
handler500 = "portal.common.problems.server_error"
