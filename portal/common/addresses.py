"""Addresses that can be opened: nobody is sent back to one that takes POST only."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve


def opens(path: str) -> bool:
    """Whether something answers at a path when it is asked for, not only sent to."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    methods = _methods(view)
    return methods is None or "GET" in methods


def _methods(view: Callable[..., Any] | None) -> list[str] | None:
    """What `require_http_methods` holds of a view, under whatever wraps it; None without limit."""
    while view is not None:
        for cell in getattr(view, "__closure__", None) or ():
            held = cell.cell_contents
            if isinstance(held, list | tuple) and held and {"GET", "POST"} & set(map(str, held)):
                return [str(method) for method in held]
        view = getattr(view, "__wrapped__", None)
    return None


def nearest_open(address: str) -> str:
    """The address itself when it opens, else the nearest above it that does; at last the home.

    A form's own address stands below the page that holds it: `/…/brouillon/titre/`.
    """
    parts = urlsplit(address)
    path = parts.path or "/"
    if opens(path):
        return address
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        if opens(path):
            return path
    return "/"


def page_before(request: HttpRequest) -> str:
    """The page that held a form that was sent: the one it came from, when it is ours."""
    parts = urlsplit(request.META.get("HTTP_REFERER", ""))
    if parts.netloc == request.get_host() and opens(parts.path):
        return f"{parts.path}{'?' + parts.query if parts.query else ''}"
    return nearest_open(request.path)
