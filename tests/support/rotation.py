"""A matrix too long for every run: a share of it at each commit, another one at the next.

`make deep` plays all of it. What must hold at every commit (one of each kind, the first and the
last) is not for a rotation.
"""

import os
import subprocess
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar


T = TypeVar("T")


@cache
def _turn() -> int:
    """The commit's number, so that every worker and every engine of a run draw the same share."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0  # an export without its history
    return int(found[:8], 16)


def deep() -> bool:
    """Is everything played?"""
    return os.environ.get("GUICHET_DEEP") == "1"


def share(matrix: Sequence[T], of: int = 8) -> list[T]:
    """One in `of`, beginning elsewhere at each commit; everything with GUICHET_DEEP=1."""
    if deep():
        return list(matrix)
    return list(matrix[_turn() % of :: of])


def among(matrix: Sequence[T], of: int = 8) -> list[T]:
    """The first, the last, and a share of those between."""
    return list(dict.fromkeys([*matrix[:1], *share(matrix[1:-1], of), *matrix[-1:]]))


def falls(case: object, of: int = 8) -> bool:
    """Whether a case that was drawn belongs to the commit's share: by what it is, so that a case
    which failed is played when it is drawn again."""
    return deep() or zlib.crc32(repr(case).encode()) % of == _turn() % of
