"""Controls by type of question: one module each, named as the type."""

from typing import Any

from requests_app.procedures.questions import TYPES, Question

from .base import Asked, Control, control_class


CONTROLS: dict[str, type[Control]] = {name: control_class(name) for name in TYPES}


def control_of(question: Question, *, stored: Any, asked: Asked) -> Control:
    return CONTROLS[question.type](question, stored=stored, asked=asked)


__all__ = ["CONTROLS", "control_of"]
