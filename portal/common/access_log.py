"""gunicorn's access log without the secret part of links (`--logger-class`)."""

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from .logs import without_tokens


class AccessLog(Logger):  # type: ignore[misc]
    """Path, request line and referrer are cut before a link's token."""

    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(*args, **kwargs)
        return {
            name: without_tokens(value) if isinstance(value, str) else value
            for name, value in found.items()
        }
