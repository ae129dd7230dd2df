"""Lists of Scaleway, page after page."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from requests_app.provisioning.providers.values import Found


PAGE = 100  # the largest page of IAM and Account


def pages(page: Callable[[int], Any], name: str) -> Iterable[Any]:
    """Items of every page; stops at a short one."""
    number = 1
    while True:
        items = getattr(page(number), name) or []
        yield from items
        if len(items) < PAGE:
            return
        number += 1


def oldest_first(items: Iterable[Any]) -> list[Found]:
    found = [Found(str(i.id), str(i.name), i.created_at) for i in items]
    return sorted(found, key=lambda f: f.created_at or datetime.min.replace(tzinfo=UTC))
