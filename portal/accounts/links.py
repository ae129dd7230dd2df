"""Addresses for messages, and what a page was sent."""

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from portal.common.addresses import nearest_open


def absolute(path: str) -> str:
    """The public address of a path of the portal."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def next_url(request: HttpRequest, default: str) -> str:
    """The `next` parameter when it leads to a page of this portal, else `default` (an address)."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if target and url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return nearest_open(target)
    return default


def posted(request: HttpRequest) -> QueryDict | None:
    """The data of a POST, even empty; None for a page that is only shown."""
    return request.POST if request.method == "POST" else None
