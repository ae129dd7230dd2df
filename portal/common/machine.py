"""Machines of states: what may move, from where to where, and who may ask for it. Pure: no Django.

One form for all. A room writes its table as `Transition`s in a `Machine`, beside the one function
of the room that writes the state (lock, check, write, log, messages after the commit); buttons,
docs and tests read the table. Requests and stages, whose moves a procedure chooses, are in
`requests_app.workflow.definition`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


class IllegalMove(RuntimeError):
    """A move that the table does not have: a mistake in the code, never bad input."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of a table. `target` empty: an act that moves nothing. No actor: only entailed."""

    name: str
    sources: frozenset[str]
    target: str
    actors: frozenset[str] = frozenset()
    # How a stage ends by it; the definition's `CHOSEN` when the payload says.
    outcome: str = ""
    # Where a request goes back to once it has a number (cancelled signature of a completed file).
    target_if_numbered: str = ""
    # Asked to confirm before.
    irreversible: bool = False
    # False: internal to the committee or the desk, only logged.
    makes_act: bool = True
    # It engages somebody or opens rights: asked for after a second factor passed a moment ago.
    needs_fresh_factor: bool = False
    # Done by the team, it binds the organisation: a confirmed member's alone.
    binding: bool = False

    @property
    def public(self) -> bool:
        """Whether somebody may ask for it; otherwise another move entails it."""
        return bool(self.actors)


def transition(
    name: str, sources: Iterable[str], target: str, *actors: str, **more: bool | str
) -> Transition:
    """A row from enums or texts; `more`: the other fields of `Transition`."""
    return Transition(
        name,
        frozenset(str(source) for source in sources),
        str(target),
        frozenset(str(actor) for actor in actors),
        **more,  # type: ignore[arg-type]
    )


def table(*moves: Transition) -> Mapping[str, Transition]:
    """Rows by name, in their order. Raises ValueError for a name given twice."""
    named = {move.name: move for move in moves}
    if len(named) != len(moves):
        names = [move.name for move in moves]
        raise ValueError(f"named twice: {sorted({one for one in names if names.count(one) > 1})}")
    return MappingProxyType(named)


class Machine:
    """The states of one kind of thing and the table of their moves.

    `what` begins the names of its events (`grant` logs `grant.fail`). Raises ValueError for a move
    between states that are not there, or for a state that nothing reaches.
    """

    def __init__(
        self, what: str, states: Iterable[str], *moves: Transition, first: str | None = None
    ) -> None:
        self.what = what
        self.states = tuple(str(state) for state in states)
        self.first = str(first) if first is not None else self.states[0]
        self.moves = table(*moves)
        targets = {move.target for move in moves if move.target}
        named = {self.first, *targets, *(state for move in moves for state in move.sources)}
        if wrong := named ^ set(self.states):
            raise ValueError(f"{what}: no such state, or in no move: {sorted(wrong)}")
        if lost := set(self.states) - targets - {self.first}:
            raise ValueError(f"{what}: nothing leads to {sorted(lost)}")

    def target(self, name: str, source: str) -> str:
        """State after move `name` from `source`. Raises IllegalMove."""
        move = self.moves.get(name)
        if move is None or source not in move.sources:
            raise IllegalMove(f"{self.what}: no move {name!r} from {source!r}")
        return move.target or source
