"""What every template knows."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from .calendar import legal_now, legal_offset


def portal(request: HttpRequest) -> dict[str, Any]:
    return {
        "STATE_SITE": settings.STATE_SITE,
        "DEMO": settings.DEMO,
        "TRAINING": settings.TRAINING,
        # Asked at most once per page: in training each of them is a query.
        "legal_offset": cache(legal_offset),
        "legal_now": cache(legal_now),
    }
