"""The registered actions: a code that never changes, and its label for readers.

Each room registers its own in `<room>/audit_actions.py`, imported by its AppConfig.ready().
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise


_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of event. A reserved one is left out of the story that a request's parties read."""

    code: str
    label: "str | Promise"
    reserved: bool = False


_actions: dict[str, Action] = {}


class UnknownAction(LookupError):
    """An action nobody registered: a typing mistake in the code, never bad input."""


def register(code: str, label: "str | Promise", *, reserved: bool = False) -> Action:
    """Declare an action such as `"request.submit"`.

    Raises ValueError when the code is not dotted lower-case words, or has another label already.
    """
    if _CODE.fullmatch(code) is None or len(code) > 80:
        raise ValueError(f"not an action code: {code!r}")
    action = Action(code, label, reserved)
    known = _actions.get(code)
    if known is not None and (str(known.label), known.reserved) != (str(label), reserved):
        raise ValueError(f"action {code!r} is registered twice with different labels")
    _actions[code] = action
    return action


def get(code: str) -> Action:
    """The registered action. Raises UnknownAction."""
    try:
        return _actions[code]
    except KeyError:
        raise UnknownAction(
            f"action {code!r} is not registered: add it to the room's audit_actions.py"
        ) from None


def label_of(code: str) -> str:
    """Label of an action, or its code when the room that registered it is gone."""
    action = _actions.get(code)
    return str(action.label) if action else code


def is_reserved(code: str) -> bool:
    """Whether only the log's own readers see this action; unknown ones are reserved."""
    action = _actions.get(code)
    return action is None or action.reserved


def registered() -> list[Action]:
    """Every action, by code."""
    return [_actions[code] for code in sorted(_actions)]
