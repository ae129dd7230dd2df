"""Every verb and kind, loaded once; a part that was forgotten stops the start, by its name."""

from collections.abc import Iterator

from . import kinds
from .acts import corrections, file, interests, paper, system, tasks
from .definition import CHOSEN, REQUEST_MOVES
from .definition import KINDS as PURE
from .kind import KINDS, Kind
from .verbs import VERBS, Verb


__all__ = ["KINDS", "VERBS"]

_MODULES = (corrections, file, interests, paper, system, tasks)
kinds.load()


def public_names() -> dict[str, frozenset[str]]:
    """Names of the verbs and the qualities of who may do them, from the tables."""
    names: dict[str, frozenset[str]] = {
        move.name: move.actors for move in REQUEST_MOVES.values() if move.public
    }
    for kind in PURE.values():
        for move in kind.moves:
            names[move.name] = names.get(move.name, frozenset()) | move.actors
    return names | {"expire": frozenset({"system"})}


def forgotten() -> Iterator[str]:
    """What a kind or a verb lacks, in words that name the place."""
    for code in sorted(set(PURE) ^ set(KINDS)):
        room = "procedures" if code in KINDS else "workflow"
        yield f"kind {code!r}: nothing in requests_app/{room}/kinds/{code}.py"
    for code, kind in sorted(KINDS.items()):
        if not hasattr(kind, "expected"):
            yield f"kind {code!r}: no message tells who must act (`expected`)"
        if type(kind).rehearse is Kind.rehearse:
            yield f"kind {code!r}: nothing says how it is played (`rehearse`)"
    for name in sorted(set(public_names()) ^ set(VERBS)):
        yield f"verb {name!r}: " + ("in no table of moves" if name in VERBS else "no class does it")
    for name, verb in sorted(VERBS.items()):
        if not verb.button or not verb.logged:
            yield f"verb {name!r}: no words for its button or for the log"
    chosen = {m.name for pure in PURE.values() for m in pure.moves if m.outcome == CHOSEN}
    for name in sorted(chosen & set(VERBS)):
        if type(VERBS[name]).chosen is Verb.chosen:
            yield f"verb {name!r}: its outcome is chosen, and `chosen` does not say which"


if faults := list(forgotten()):
    raise LookupError("; ".join(faults))
