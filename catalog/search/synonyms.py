"""Acronyms and synonyms, expanded in the query: the same on every engine, and shown."""

import tomllib
from functools import cache
from pathlib import Path

from .text import words


FILE = Path(__file__).with_name("synonyms.toml")


@cache
def table() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Stems of an expression → the other expressions of its meaning, as written."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8"))["groups"]
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for group in groups:
        for expression in group:
            key = tuple(word.stem for word in words(expression))
            others = tuple(other for other in group if other != expression)
            found[key] = found.get(key, ()) + others
    return found


@cache
def longest() -> int:
    return max(len(key) for key in table())
