"""The grant's machine: one table of moves, from which buttons, docs and tests come. No Django.

`state` is what was proven, `Grant.wanted` what is asked; a move follows a proof, never a wish.
A failed grant is still worked on: success moves it on, and the operator's `retry` shows it again as
opening or closing.
"""

from dataclasses import dataclass


WANTED = "wanted"
OPENING = "opening"
OPEN = "open"
SUSPENDED = "suspended"
CLOSING = "closing"
CLOSED = "closed"
FAILED = "failed"

STATES = (WANTED, OPENING, OPEN, SUSPENDED, CLOSING, CLOSED, FAILED)
# States in which something of the person may exist at the provider.
TOUCHED = frozenset({OPENING, OPEN, SUSPENDED, CLOSING, FAILED})


class IllegalMove(ValueError):
    """A move that the table does not have: a mistake in the code, never bad input."""


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table; `actor` is `system` (the reconciler) or `operator`."""

    name: str
    sources: frozenset[str]
    target: str
    actor: str = "system"


MOVES: tuple[Move, ...] = (
    Move("start_opening", frozenset({WANTED, SUSPENDED}), OPENING),
    Move("confirm_open", frozenset({OPENING, FAILED}), OPEN),
    # Conditions fell away before any key was shown, or the data are not there yet.
    Move("wait_again", frozenset({OPENING, FAILED}), WANTED),
    Move("start_closing", frozenset({OPENING, OPEN, SUSPENDED}), CLOSING),
    Move("confirm_suspended", frozenset({CLOSING, FAILED, WANTED}), SUSPENDED),
    Move("confirm_closed", frozenset({CLOSING, FAILED}), CLOSED),
    Move("close_unopened", frozenset({WANTED}), CLOSED),  # nothing was ever made for the person
    Move("fail", frozenset({OPENING, CLOSING}), FAILED),
    Move("retry_opening", frozenset({FAILED}), OPENING, actor="operator"),
    Move("retry_closing", frozenset({FAILED}), CLOSING, actor="operator"),
)
BY_NAME: dict[str, Move] = {move.name: move for move in MOVES}


def target_of(name: str, source: str) -> str:
    """State after move `name` from `source`. Raises IllegalMove."""
    move = BY_NAME.get(name)
    if move is None or source not in move.sources:
        raise IllegalMove(f"no move {name!r} from {source!r}")
    return move.target
