"""An answer given elsewhere, without what its new place does not take."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError


_Place = tuple[int | str, ...]


def fitting(model: type[BaseModel], code: str, value: Any) -> dict[str, Any]:
    """What of an answer fits a field of the model: a place that is unknown or wrong is left out,
    not the answer around it. `{code: answer}`, ready for storage; empty where nothing fits."""
    given = {code: deepcopy(value)}
    while given:
        try:
            found = model.model_validate(given).model_dump(mode="json")
        except ValidationError as error:
            _drop(given, {_there(given, one["loc"]) for one in error.errors()})
        else:
            return {code: found[code]}
    return {}


def _there(given: Any, loc: Sequence[int | str]) -> _Place:
    """What a fault is about, or the nearest around it that is given."""
    for depth, step in enumerate(loc):
        inside = isinstance(given, dict) and step in given
        inside = inside or (isinstance(given, list) and step in range(len(given)))
        if not inside:
            return tuple(loc[:depth])
        given = given[step]
    return tuple(loc)


def _drop(given: dict[str, Any], places: set[_Place]) -> None:
    # The last and the innermost first: what is before keeps its number in a list.
    for place in sorted(places, reverse=True):
        container: Any = given
        for step in place[:-1]:
            container = container[step]
        if place:
            del container[place[-1]]
        else:
            given.clear()
