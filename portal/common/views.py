"""Pages that belong to no room: health of the service, legal pages, help."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@login_not_required
@never_cache
def health_live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
@never_cache
def health_ready(request: HttpRequest) -> HttpResponse:
    """Database and cache answer; 503 and the name of what does not, never why."""
    checks = {"database": _database_answers(), "cache": _cache_answers()}
    ready = all(checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except DatabaseError:
        return False


def _cache_answers() -> bool:
    try:
        cache.set("health", "ok", 10)
        return bool(cache.get("health") == "ok")
    except Exception:  # noqa: BLE001 - each cache backend has its own errors
        return False


def _page(request: HttpRequest, template: str) -> HttpResponse:
    return render(request, template, {"facts": settings.SITE_FACTS})


@require_safe
@login_not_required
def help_page(request: HttpRequest) -> HttpResponse:
    return _page(request, "pages/help.html")


@require_safe
@login_not_required
def legal(request: HttpRequest) -> HttpResponse:
    return _page(request, "pages/legal.html")


@require_safe
@login_not_required
def accessibility(request: HttpRequest) -> HttpResponse:
    return _page(request, "pages/accessibility.html")


@require_safe
@login_not_required
def personal_data(request: HttpRequest) -> HttpResponse:
    return _page(request, "pages/personal_data.html")
