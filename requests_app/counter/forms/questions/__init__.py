"""Controls by type of question: one module each, named as the type."""

from importlib import import_module
from typing import Any

from requests_app.procedures.questions import TYPES, Question

from .base import Asked, Control


CONTROLS: dict[str, type[Control]] = {
    name: import_module(f"{__name__}.{name}").CONTROL for name in TYPES
}


def control_of(question: Question, *, stored: Any, asked: Asked) -> Control:
    return CONTROLS[question.type](question, stored=stored, asked=asked)


__all__ = ["CONTROLS", "control_of"]
