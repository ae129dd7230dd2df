"""JSON whose objects know the line they start on, so that a mistake can be shown in its file."""

import json
from bisect import bisect_left
from collections.abc import Callable
from json.decoder import JSONObject  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any, NoReturn


MAX_DIGITS = 300  # beyond it is no figure of a dictionary, and Python refuses 4,300


class Located(dict[str, Any]):
    """A JSON object with the line (from 1) of its opening brace."""

    line: int = 1


class _WrongNumber(ValueError):
    """A number that is none (NaN), or has too many digits. `str()` says it in JSON's own words."""


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _WrongNumber("Number too long")
    return int(digits)


def _constant(_name: str) -> NoReturn:
    raise _WrongNumber("Expecting value")


class LocatedDecoder(json.JSONDecoder):
    """The pure Python decoder of the standard library, noting where each object begins."""

    def __init__(self, text: str) -> None:
        super().__init__(parse_int=_whole, parse_constant=_constant)
        self.parse_object = self._parse_located
        self.scan_once = py_make_scanner(self)
        self._ends = [at for at, character in enumerate(text) if character == "\n"]

    def _parse_located(
        self,
        s_and_end: tuple[str, int],
        strict: bool,
        scan: Callable[[str, int], Any],
        *rest: Any,
    ) -> tuple[Any, int]:
        def scan_value(text: str, at: int) -> Any:
            try:
                return scan(text, at)
            except _WrongNumber as error:
                raise json.JSONDecodeError(str(error), text, at) from error

        value, end = JSONObject(s_and_end, strict, scan_value, *rest)
        located = Located(value)
        located.line = bisect_left(self._ends, s_and_end[1]) + 1
        return located, end


def loads(text: str) -> Any:
    """Parse `text`; raises json.JSONDecodeError with its line, RecursionError on absurd nesting."""
    try:
        return LocatedDecoder(text).decode(text)
    except _WrongNumber as error:  # outside any object
        raise json.JSONDecodeError(str(error), text, 0) from error
