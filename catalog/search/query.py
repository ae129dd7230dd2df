"""What a person asked, as a small tree that every engine can build its own query from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .synonyms import longest, table
from .text import Word, fold, words


MAX_LENGTH = 300  # characters of a query taken into account
MAX_WORDS = 24
KINDS = ("dataset", "table", "variable")
SORTS = ("relevance", "title", "updated")
# Facets in the order of the page; the kinds of document they make sense for.
FACETS: Mapping[str, tuple[str, ...]] = {
    "route": ("dataset", "table", "variable"),
    "nature": ("dataset", "table", "variable"),
    "holder": ("dataset", "table", "variable"),
    "theme": ("dataset",),
    "category": ("dataset",),
    "dataset": ("table", "variable"),
    "identifier": ("variable",),
    "type": ("variable",),
}
_QUOTED = re.compile(r"[\"«“]([^\"»”]+)[\"»”]")
_CODE = re.compile(r"[\w.-]*[0-9_][\w.-]*|[A-Z][A-Z0-9-]{1,}")


@dataclass(frozen=True, slots=True)
class Part:
    """One blank-separated part of a query: its words, and the code it may be (BEN_RES_COM)."""

    raw: str
    code: str  # folded, or empty when it does not look like a code
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that belong together, and the other expressions that mean the same."""

    parts: tuple[Part, ...]
    also: tuple[tuple[Word, ...], ...] = ()
    also_text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """`groups` must all be found; `phrases` are between quotes and must be found as they stand."""

    text: str
    groups: tuple[Group, ...] = ()
    phrases: tuple[tuple[Word, ...], ...] = ()
    # Stems and plain forms to highlight, and what `highlight` found with them in the texts of the
    # page that asks: both live as long as the query.
    marks: tuple[frozenset[str], frozenset[str]] = field(init=False, repr=False, compare=False)
    seen: dict[str, list[tuple[int, int]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        found = list(self.all_words)
        found += [word for group in self.groups for other in group.also for word in other]
        marks = frozenset(w.stem for w in found), frozenset(w.plain for w in found)
        object.__setattr__(self, "marks", marks)

    @property
    def is_empty(self) -> bool:
        return not self.groups and not self.phrases

    @property
    def all_words(self) -> tuple[Word, ...]:
        """Every word typed, in order, without synonyms."""
        typed = [word for group in self.groups for part in group.parts for word in part.words]
        return tuple(typed) + tuple(word for phrase in self.phrases for word in phrase)

    def matters(self, word: Word) -> bool:
        """Whether an approximate hit is asked for the word: not for a lone digit beside others."""
        return len(word.plain) > 2 or all(len(other.plain) <= 2 for other in self.all_words)

    @property
    def also(self) -> tuple[str, ...]:
        """Expressions searched although nobody typed them."""
        return tuple(text for group in self.groups for text in group.also_text)

    def codes(self) -> tuple[str, ...]:
        return tuple(p.code for group in self.groups for p in group.parts if p.code)


def parse(text: str) -> ParsedQuery:
    """Read a query. Never raises: whatever is typed means something, or nothing."""
    text = " ".join(text.replace("\0", " ").split())[:MAX_LENGTH]
    phrases = [
        found[:MAX_WORDS] for quoted in _QUOTED.findall(text) if (found := tuple(words(quoted)))
    ]
    rest = _QUOTED.sub(" ", text)
    parts = [part for raw in rest.split() if (part := _part(raw)) is not None][:MAX_WORDS]
    return ParsedQuery(text, tuple(_grouped(parts)), tuple(phrases[:4]))


def _part(raw: str) -> Part | None:
    raw = raw.strip(".,;:!?()[]{}…'’\"«»“”*")
    found = tuple(words(raw))
    code = fold(raw) if _CODE.fullmatch(raw) else ""
    return Part(raw, code, found) if found or code else None


def _grouped(parts: list[Part]) -> list[Group]:
    """Gather the parts that make a known expression, the longest first."""
    groups: list[Group] = []
    start = 0
    while start < len(parts):
        for size in range(min(longest(), len(parts) - start), 0, -1):
            window = parts[start : start + size]
            key = tuple(word.stem for part in window for word in part.words)
            if others := table().get(key):
                also = tuple(tuple(words(other)) for other in others)
                groups.append(Group(tuple(window), also, others))
                start += size
                break
        else:
            groups.append(Group((parts[start],)))
            start += 1
    return groups


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One page of results. `facets`: chosen values per facet, any of which may match."""

    parsed: ParsedQuery
    kind: str = "dataset"
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "relevance"
    page: int = 1
    size: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str
    key: str  # dataset id, table id, or variable name in capitals
    score: float = 0.0


@dataclass(slots=True)
class SearchResult:
    """`loosened`: nothing had every word, these come near. `kinds`: hits of each tab."""

    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    loosened: bool = False
    engine: str = ""
