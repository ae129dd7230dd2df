"""Export of the sealed log as JSON lines, verified by `chain.py` alone, without the database."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Max, Min
from django.utils import timezone

from .chain import FORMAT, GENESIS, instant
from .models import AuditHead, AuditSeal, AuditText
from .verify import CHUNK, stored_links


def export_lines(
    *, since: date | None = None, until: date | None = None, with_texts: bool = False
) -> Iterator[str]:
    """A header, one line per link of the days `since`–`until` (UTC days of sealing), a footer.

    `with_texts` adds the words and their salt: personal data, to be handled as such.
    """
    seals = AuditSeal.objects.all()
    if since:
        seals = seals.filter(segment__gte=since)
    if until:
        seals = seals.filter(segment__lte=until)
    bounds = seals.aggregate(first=Min("position"), last=Max("position"))
    first, last = bounds["first"] or 1, bounds["last"] or 0
    lowest = AuditSeal.objects.aggregate(n=Min("position"))["n"] or 1
    header = {
        "format": FORMAT,
        "exported_at": instant(timezone.now()),
        "partial": first > lowest,
        "first": first,
        "last": last,
        "chain_position": (AuditHead.objects.values_list("position", flat=True).first()) or 0,
    }
    yield json.dumps(header)
    count, head = 0, GENESIS
    chunk: list[dict[str, Any]] = []
    for link in stored_links(last, after=first - 1):
        chunk.append(
            {
                "position": link.position,
                "segment": link.segment,
                "previous": link.previous,
                "hash": link.hash,
                "event": link.event,
            }
        )
        count, head = count + 1, link.hash
        if len(chunk) == CHUNK:
            yield from _written(chunk, with_texts=with_texts)
            chunk = []
    yield from _written(chunk, with_texts=with_texts)
    yield json.dumps({"footer": {"count": count, "head": head}})


def _written(chunk: list[dict[str, Any]], *, with_texts: bool) -> Iterator[str]:
    if with_texts:
        ids = [item["event"]["id"] for item in chunk if item["event"]]
        words = {str(key): text for key, text in AuditText.objects.in_bulk(ids).items()}
        for item in chunk:
            text = words.get(item["event"]["id"]) if item["event"] else None
            if text is not None:
                item["text"] = {"salt": text.salt, "text": text.text}
    for item in chunk:
        yield json.dumps(item, ensure_ascii=False)
