"""Every kind of stage: the modules of this folder, each with its `KIND`. No list is kept."""

from importlib import import_module
from pkgutil import iter_modules

from requests_app.procedures.kind import Kind, Trait


def _found() -> dict[str, Kind]:
    """Raises LookupError naming the module that has no kind of its name."""
    kinds = {}
    for module in sorted(one.name for one in iter_modules(__path__)):
        kind = getattr(import_module(f"{__name__}.{module}"), "KIND", None)
        if not isinstance(kind, Kind) or kind.code != module:
            raise LookupError(f"procedures/kinds/{module}.py has no KIND of code {module!r}")
        kinds[module] = kind
    return kinds


KINDS: dict[str, Kind] = _found()


def having(*traits: Trait) -> tuple[str, ...]:
    """Codes of the kinds that have one of the traits."""
    return tuple(code for code, kind in KINDS.items() if kind.traits.intersection(traits))


def outcomes(*traits: Trait) -> frozenset[str]:
    """Outcomes that the verbs of such kinds write: of what was done, not of a silence."""
    return frozenset().union(*(KINDS[code].outcomes for code in having(*traits)))


def acts_read_with(part: str) -> frozenset[str]:
    """Codes of the acts that are read with a part of the file."""
    parts = (pair for kind in KINDS.values() for pair in kind.parts.items())
    return frozenset(act for act, with_part in parts if with_part == part)


def has(code: str, trait: Trait) -> bool:
    """Whether a stage's kind has a trait; a kind that is gone has none."""
    return code in KINDS and trait in KINDS[code].traits
