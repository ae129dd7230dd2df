"""The types of questions that a form may ask: one module each, found by its name.

`TYPES` holds their classes by type; a type without its controls is told at start
(`requests_app.counter.forms.questions`).
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .base import Question


def _found() -> dict[str, type[Question]]:
    """Each module's question: the class whose `type` is the module's name."""
    found: dict[str, type[Question]] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if path.stem == "base":
            continue
        module = import_module(f"{__name__}.{path.stem}")
        mine = [one for one in vars(module).values() if _is_of(one, path.stem)]
        if len(mine) != 1:
            raise ImportError(f"{module.__name__} holds no question of type {path.stem!r}")
        if mine[0].answered and mine[0].sample is Question.sample:
            raise ImportError(f"{module.__name__}: no made-up answer is given (`sample`)")
        found[path.stem] = mine[0]
    return found


def _is_of(one: Any, name: str) -> bool:
    if not (isinstance(one, type) and issubclass(one, Question)):
        return False
    field = one.model_fields["type"].annotation
    return getattr(field, "__args__", ()) == (name,)


TYPES = _found()


def read(raw: Any) -> Question:
    """One question of a file. Raises ValueError, pydantic.ValidationError."""
    if isinstance(raw, Question):
        return raw
    if not isinstance(raw, dict):
        raise ValueError("a question is a table of the file: [[sections.questions]]")
    kind = TYPES.get(str(raw.get("type")))
    if kind is None:
        raise ValueError(f"no type {raw.get('type')!r}: one of {', '.join(sorted(TYPES))}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        faults = [f"{_place(fault['loc'])}{fault['msg']}" for fault in error.errors()]
        raise ValueError(f"question {raw.get('code')!r}: {'; '.join(faults)}") from error


def _place(steps: tuple[int | str, ...]) -> str:
    return f"{'.'.join(str(step) for step in steps)}: " if steps else ""


__all__ = ["TYPES", "Question", "read"]
