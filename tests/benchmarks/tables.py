"""Plain tables, and the few sums under them."""

import math
import sys
from collections.abc import Sequence
from typing import Any


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(title: str, head: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Print aligned columns; numbers to the right."""
    cells = [tuple(shown(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in [head, *cells]) for i in range(len(head))]
    say(f"\n{title}")
    for row in [head, tuple("-" * width for width in widths), *cells]:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        say("  ".join([first, *others]))


def shown(value: Any) -> str:
    """`12.3`, `140`; what was not measured is a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 1000 else f"{value:.1f}"
    return str(value)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that such a share does not pass. Raises ValueError when there is none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float | None, theirs: float | None, *, more_is_better: bool) -> str | None:
    """How many times better ours is; nothing unless both were measured."""
    if not ours or not theirs:
        return None
    return f"{ours / theirs if more_is_better else theirs / ours:.2f}x"
