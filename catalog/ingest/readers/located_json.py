"""JSON whose objects know the line they start on, so that a mistake can be shown in its file."""

import json
from json.decoder import JSONObject  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any


class Located(dict[str, Any]):
    """A JSON object with the line (from 1) of its opening brace."""

    line: int = 1


class LocatedDecoder(json.JSONDecoder):
    """The pure Python decoder of the standard library, noting where each object begins."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_object = self._parse_located
        self.scan_once = py_make_scanner(self)

    def _parse_located(self, s_and_end: tuple[str, int], *args: Any) -> tuple[Any, int]:
        value, end = JSONObject(s_and_end, *args)
        located = Located(value)
        text, start = s_and_end
        located.line = text.count("\n", 0, start) + 1
        return located, end


def loads(text: str) -> Any:
    """Parse `text`; raises json.JSONDecodeError with its line, RecursionError on absurd nesting."""
    return LocatedDecoder().decode(text)
