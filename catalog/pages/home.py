from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import counts
from catalog.models import Dataset, Variable


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, one search field, three ways in. Figures are counted, or absent."""
    return render(request, "catalog/home.html", counts.kept("home", _figures))


def _figures() -> dict[str, Any]:
    return {
        "datasets": Dataset.objects.published().count(),
        "requestable": Dataset.objects.requestable().count(),
        "variables": counts.kept("variables", Variable.objects.published().count),
        "demo_data": Dataset.objects.published().filter(is_demo=True).exists(),
    }
