"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from .calendar import legal_now, legal_offset


def portal(request: HttpRequest) -> dict[str, Any]:
    return {
        "STATE_SITE": settings.STATE_SITE,
        "DEMO": settings.DEMO,
        "TRAINING": settings.TRAINING,
        "legal_offset": legal_offset,
        "legal_now": legal_now,
    }
