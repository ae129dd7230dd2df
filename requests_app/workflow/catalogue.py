"""Every verb, loaded once; a verb of the tables without its class stops the start."""

from .acts import authority, committee, completeness, corrections, file, life, paper, system
from .definition import KINDS, REQUEST_MOVES
from .verbs import VERBS


__all__ = ["VERBS"]

_MODULES = (authority, committee, completeness, corrections, file, life, paper, system)


def public_names() -> dict[str, frozenset[str]]:
    """Names of the verbs and the qualities of who may do them, from the tables."""
    names: dict[str, frozenset[str]] = {
        move.name: move.actors for move in REQUEST_MOVES.values() if move.public
    }
    for kind in KINDS.values():
        for move in kind.moves:
            names[move.name] = names.get(move.name, frozenset()) | move.actors
    return names | {"expire": frozenset({"system"})}


if missing := set(public_names()) - set(VERBS):
    raise LookupError(f"verbs without a class: {', '.join(sorted(missing))}")
