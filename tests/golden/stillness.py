"""One clock and one source of chance, both told: two runs differ by their code alone.

Imported before Django and before anything of the tree, which then takes what is put here.
"""

import hashlib
import itertools
import os
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import time_machine


START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


class _Stream:
    """Bytes that follow from a name; drawn again from the start when it is named again."""

    def __init__(self, name: str) -> None:
        self.again(name)

    def again(self, name: str) -> None:
        self._name, self._numbers = name, itertools.count()

    def draw(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += hashlib.sha256(f"{self._name}:{next(self._numbers)}".encode()).digest()
        return found[:size]


SHORTEST_WAIT = 0.2  # seconds
_really_sleep = time.sleep
seconds_of_machine = time.perf_counter  # what a run took, for its report
_bytes = _Stream("world")
_ids = itertools.count(1)
_traveller: Any = None


def _uuid4() -> uuid.UUID:
    """In the order of their making, so that a sort by id does not hang on how many were drawn."""
    number = next(_ids)
    noise = int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:6], "big")
    value = (number << 80) | noise
    return uuid.UUID(int=value, version=4)


def hold(now: datetime = START) -> None:
    """From here on nothing is left to chance in this process, and it is `now`."""
    global _traveller
    random.seed("golden")
    os.urandom = _bytes.draw
    random._urandom = _bytes.draw  # type: ignore[attr-defined]
    uuid.uuid4 = _uuid4
    time.sleep = _sleep
    _traveller = time_machine.travel(now, tick=False).start()
    time.monotonic = time.time  # which does not pass by itself either


def _sleep(seconds: Any, /) -> None:
    """A worker's patience is time that passes; a look again and again at another process is not:
    how often it looks hangs on the machine."""
    if seconds < SHORTEST_WAIT:
        _really_sleep(seconds)
    else:
        shift(seconds)


def shift(seconds: Any, /) -> None:
    """Time passes only when told: seconds, or a timedelta."""
    _traveller.shift(seconds)


def until(instant: datetime) -> None:
    """Whatever an act took, the next begins at the same time in both trees."""
    left = instant - datetime.now(UTC)
    if left.total_seconds() < 0:
        raise AssertionError(f"it is past {instant}")
    shift(left)


def draw_anew(name: str, *, ids_from: int = 1 << 32) -> None:
    """What one page or act draws does not hang on what those before it drew."""
    global _ids
    random.seed(name)
    _bytes.again(name)
    _ids = itertools.count(ids_from)
