"""Who keeps the text of a body's own procedures and forms (a room above, which has rows), and how
what is kept is read."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import SchemaValidator, core_schema

from . import questions


Whole = TypeVar("Whole", bound=BaseModel)


Ask = Callable[[str, str, int], str | None]
List = Callable[[str], set[tuple[str, int]]]
_asked: list[Ask] = []
_listing: list[List] = []


def kept_by(ask: Ask) -> Ask:
    """Register who is asked for (`procedure` or `form`, code, version); a decorator."""
    _asked.append(ask)
    return ask


def listed_by(ask: List) -> List:
    """Register who lists what is kept (`procedure` or `form`); a decorator."""
    _listing.append(ask)
    return ask


def text_of(what: str, code: str, version: int) -> str | None:
    """As it was when the first request took it; None when no request did."""
    return next((text for ask in _asked if (text := ask(what, code, version))), None)


def listed(what: str) -> set[tuple[str, int]]:
    """(code, version) of all that is kept."""
    return {key for ask in _listing for key in ask(what)}


# --- Read without being judged again --------------------------------------------------------------

# What a value must be like, beyond what it is: a later release may ask for more than the one that
# accepted the file, and a running file is not to be judged by it.
_ASKED = frozenset(
    {"pattern", "min_length", "max_length", "ge", "gt", "le", "lt", "multiple_of"},
)


def read(model: type[Whole], text: str) -> Whole:
    """What was accepted once, by its structure alone. Raises ValueError when it has another."""
    return _reader(model).validate_json(text)  # type: ignore[no-any-return]


@cache
def _reader(model: type[BaseModel]) -> SchemaValidator:
    # Not with the validators already built of the models inside: those judge.
    return SchemaValidator(_unjudged(model.__pydantic_core_schema__), _use_prebuilt=False)


def _unjudged(schema: Any) -> Any:
    """A core schema without what it asks once the structure is there."""
    if isinstance(schema, list | tuple):
        return type(schema)(_unjudged(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "function-after":
        inner = _unjudged(schema["schema"])
        return inner | {"ref": schema["ref"]} if "ref" in schema else inner
    if kind == "function-before" and schema["function"]["function"] is questions.read:
        return core_schema.no_info_plain_validator_function(_question)
    left_out = _ASKED if isinstance(kind, str) else frozenset[str]()
    return {
        key: one if key in {"metadata", "serialization"} else _unjudged(one)
        for key, one in schema.items()
        if key not in left_out
    }


def _question(raw: Any) -> questions.Question:
    kind = questions.TYPES.get(raw["type"]) if isinstance(raw, dict) and "type" in raw else None
    if kind is None:
        raise ValueError("no question that this portal knows")
    return _reader(kind).validate_python(raw)  # type: ignore[no-any-return]
