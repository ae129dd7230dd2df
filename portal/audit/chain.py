"""How the log is chained, in the standard library alone.

An export is verified with this file and nothing else: `python chain.py journal.jsonl`.
Seal n holds SHA-256 over the canonical JSON of [position, segment, previous hash, event]; canonical
means keys sorted, no space, ASCII. Times are UTC with microseconds and a final Z.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


FORMAT = "guichet-audit-1"
GENESIS = "0" * 64


def instant(value: datetime) -> str:
    """`2027-03-01T12:00:00.000000Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def seal_hash(position: int, segment: str, previous: str, event: dict[str, Any]) -> str:
    """Hash of one link. `segment` is the UTC day of sealing, ISO."""
    return hashlib.sha256(canonical([position, segment, previous, event])).hexdigest()


def text_hash(salt: str, text: str) -> str:
    """Hash of a free text under its own salt, so that a short text cannot be guessed from it."""
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """One sealed event as stored or exported."""

    position: int
    segment: str
    previous: str
    hash: str
    event: dict[str, Any] | None

    def recomputed(self, previous: str | None = None) -> str:
        return seal_hash(self.position, self.segment, previous or self.previous, self.event or {})


@dataclass(frozen=True, slots=True)
class Fault:
    """The first link that does not hold."""

    kind: str  # missing, reordered, broken, altered
    position: int
    event_id: str
    detail: str

    def __str__(self) -> str:
        where = f"position {self.position} (event {self.event_id or '?'})"
        return f"{self.kind} link at {where}: {self.detail}"


@dataclass(slots=True)
class Walk:
    """Where a walk along the chain stands."""

    position: int | None = None
    head: str = GENESIS
    count: int = 0
    first: int | None = None
    anchor: str = GENESIS


def walk(links: Iterable[Link], state: Walk) -> Iterator[Fault]:
    """Follow the links in order of position; yields faults and goes on from each link as stored.

    `state` ends with the last position, its hash, the number of links, and where the chain begins
    (`first`, `anchor`): a beginning after position 1 must be explained by a recorded retention.
    """
    for link in links:
        event_id = str((link.event or {}).get("id", ""))
        if state.position is None:
            state.first, state.anchor = link.position, link.previous
            if link.position == 1 and link.previous != GENESIS:
                yield Fault("broken", 1, event_id, "the first link has a predecessor")
        elif link.position != state.position + 1:
            gap = f"{state.position + 1} to {link.position - 1}"
            yield Fault("missing", state.position + 1, "", f"positions {gap} are not there")
        elif link.previous != state.head:
            yield Fault("broken", link.position, event_id, "does not follow the link before it")
        if link.event is None:
            yield Fault("missing", link.position, "", "the sealed event is not there")
        elif link.recomputed() != link.hash:
            yield Fault("altered", link.position, event_id, "not the content that was sealed")
        state.position, state.head = link.position, link.hash
        state.count += 1


def retained_after(events: Iterable[dict[str, Any]], first: int, anchor: str) -> bool:
    """Whether one of the events records that everything before `first` was dropped at its term."""
    return any(
        event.get("action") == "audit.retain"
        and event.get("data", {}).get("last_position") == first - 1
        and event.get("data", {}).get("head") == anchor
        for event in events
    )


def verify_export(lines: Iterable[str]) -> tuple[list[Fault], Walk]:
    """Verify an export. Raises ValueError when the file is not one or is cut short."""
    rows = iter(lines)
    header = json.loads(next(rows, "null"))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"not a {FORMAT} export")
    state = Walk()
    retentions: list[dict[str, Any]] = []
    texts: list[Fault] = []
    footer: dict[str, Any] = {}

    def links() -> Iterator[Link]:
        for row in rows:
            item = json.loads(row)
            if "footer" in item:
                footer.update(item["footer"])
                return
            event = item["event"]
            if event["action"] == "audit.retain":
                retentions.append(event)
            text = item.get("text")
            if (
                text
                and text.get("salt")
                and text_hash(text["salt"], text["text"]) != event["text_hash"]
            ):
                texts.append(
                    Fault("altered", item["position"], event["id"], "its text was changed")
                )
            yield Link(item["position"], item["segment"], item["previous"], item["hash"], event)

    faults = [*walk(links(), state), *texts]
    if not footer or footer["count"] != state.count or footer["head"] != state.head:
        raise ValueError("the export is cut short: its last line does not match its links")
    first = state.first or 1
    if (
        first > 1
        and not header.get("partial")
        and not retained_after(retentions, first, state.anchor)
    ):
        faults.insert(0, Fault("missing", 1, "", f"positions 1 to {first - 1} are not there"))
    return faults, state


def main(arguments: list[str]) -> int:
    """0 when every link holds, 1 when one does not, 2 when the file cannot be read as an export."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python chain.py export.jsonl\n")
        return 2
    try:
        with Path(arguments[0]).open(encoding="utf-8") as file:
            faults, state = verify_export(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for fault in faults[:1]:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{state.count} links, head {state.head} at position {state.position or 0}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
