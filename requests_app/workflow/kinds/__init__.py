"""The verbs and words of each kind of stage: one module of the kind's name; no list is kept."""

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Import every module here: kinds and verbs register themselves."""
    for module in sorted(one.name for one in iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
