"""The port of search engines: two of them, one contract (tests/contracts/test_search.py)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from catalog.search.documents import FACET_FIELDS, SCHEMA_VERSION, TEXT_FIELDS, Document
from catalog.search.query import SearchRequest, SearchResult


# How much a word counts by where it stands.
BOOSTS = {
    "title": 6.0,
    "keywords": 3.0,
    "holder_name": 1.5,
    "body": 1.5,
    "context": 1.0,
    "inner": 0.6,
}
PLAIN_BONUS = 1.3  # the form as typed counts a little more than its stem
CODE_EXACT = 40.0
CODE_PREFIX = 8.0
CODE_PART = 4.0
SYNONYM = 0.6
AS_TYPED = 20.0  # what has the very words goes before what has their synonyms
PHRASE_IN_TITLE = 8.0
NEAR_ALL = 60.0  # of the approximate hits, those that come near every word go first
DEEPEST = 10_000  # last hit that can be paged to, on every engine


class SearchUnavailable(Exception):
    """The index is missing, out of date with the code, or its server does not answer in time."""


@dataclass(frozen=True, slots=True)
class IndexInfo:
    generation: str
    documents: int


class SearchBackend(Protocol):
    name: str

    def search(self, request: SearchRequest) -> SearchResult:
        """Raises SearchUnavailable, never anything of the engine's own."""

    def write(self, documents: Iterable[Document], deleted: Iterable[str]) -> None:
        """Put and remove documents of the current generation. Raises SearchUnavailable."""

    def rebuild(
        self, documents: Iterable[Document], *, alive: Callable[[], None] = lambda: None
    ) -> IndexInfo:
        """Build a new generation beside the current one and swap; `alive` is called on the way."""

    def info(self) -> IndexInfo:
        """Raises SearchUnavailable when there is no usable generation."""


def slips(word: str) -> int:
    """How many letters may differ in an approximate hit: none in a short word."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def near_enough(count: int) -> int:
    """How many of `count` words an approximate hit must come near: two thirds from three on."""
    return 1 if count < 3 else count - count // 3


def near_kinds(exact: dict[str, int], near: dict[str, int], kind: str) -> dict[str, int]:
    """Counts of the tabs when `kind` has nothing with every word: its own are approximate ones.

    The other tabs keep their exact hits, unless no tab has any.
    """
    return {**exact, kind: near.get(kind, 0)} if any(exact.values()) else near


def schema_hash() -> str:
    """Changes when documents or the analysis do: an index of another hash is not read."""
    parts = [SCHEMA_VERSION, *TEXT_FIELDS, *FACET_FIELDS]
    return sha256("|".join(parts).encode()).hexdigest()[:10]
