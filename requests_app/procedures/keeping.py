"""Who keeps the text of a body's own procedures and forms: a room above, which has rows."""

from collections.abc import Callable


Ask = Callable[[str, str, int], str | None]
_asked: list[Ask] = []


def kept_by(ask: Ask) -> Ask:
    """Register who is asked for (`procedure` or `form`, code, version); a decorator."""
    _asked.append(ask)
    return ask


def text_of(what: str, code: str, version: int) -> str | None:
    """As it was when the first request took it; None when no request did."""
    return next((text for ask in _asked if (text := ask(what, code, version))), None)
