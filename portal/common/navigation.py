"""Main menu: each room registers its entries, the shell shows those the visitor may open.

An entry whose address does not exist is left out, so that a room may be absent.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the menu.

    `visible` tells from the request whether to show it; `count` gives the figure shown after the
    label (nothing when it is 0). Both may query: they run once per page.
    """

    label: str | Promise
    url_name: str
    order: int = 100
    visible: Callable[[HttpRequest], bool] = lambda request: True
    count: Callable[[HttpRequest], int] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    current: bool
    count: int


_entries: dict[str, Entry] = {}


def register(entry: Entry) -> None:
    """Add an entry, or replace the one of the same address. Called from `AppConfig.ready()`."""
    _entries[entry.url_name] = entry


def links(request: HttpRequest) -> list[Link]:
    """Entries to show for this request, in order."""
    shown = []
    for entry in sorted(_entries.values(), key=lambda e: e.order):
        try:
            url = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        if not entry.visible(request):
            continue
        inside = request.path == url or (url != "/" and request.path.startswith(url))
        count = entry.count(request) if entry.count else 0
        shown.append(Link(str(entry.label), url, inside, count))
    # The longest address wins, so that only one entry is the current one.
    longest = max((len(link.url) for link in shown if link.current), default=0)
    return [Link(k.label, k.url, k.current and len(k.url) == longest, k.count) for k in shown]
