"""Words of a text, as every engine indexes and searches them.

Analysis is done here, once, for all engines: they receive words separated by spaces. So the
embedded engine and the servers find the same documents, and highlights need no engine. A word gives
a stem (French Snowball, then accents folded) and a plain form (accents folded); both are indexed,
because stems need the accents that a hurried reader leaves out: "deces" is found by its plain form,
"décédés" by its stem. Apostrophes cut words: an elided article is a stop word (l’hôpital: hopital).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import snowballstemmer

from portal.common.digits import has_digit


# French stop words without "sans" and "avec" (they carry meaning in a medical label), and the
# elided articles that the apostrophe leaves alone.
STOP_WORDS = frozenset(
    "a au aux ce ces cette d dans de des du elle en est et eux il ils j je l la le les leur leurs"
    " lui m ma mes mon n ne nos notre nous on ou par pas pour qu que qui s sa se ses son sont sur t"
    " ta tes ton un une vos votre vous y à".split()
)
# “n°” is a word; the ordinal sign of other keyboards too.
_WORD = re.compile(r"[nN][°º]|[^\W_]+", re.UNICODE)
# Abbreviations that dictionaries write for a word that readers type in full.
_ABBREVIATIONS = {"n°": "numéro", "nº": "numéro", "nb": "nombre", "nbr": "nombre", "nbre": "nombre"}
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss"})
# One word at a time: a stemmer keeps the word it works on in itself, and a web worker has threads.
_stemmer = snowballstemmer.stemmer("french")
_stemming = Lock()


def fold(text: str) -> str:
    """Lower case, ligatures opened, accents removed."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.translate(_LIGATURES)).lower()
    # No mark stands before U+0300.
    return "".join([c for c in text if c < "\u0300" or not unicodedata.combining(c)])


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Stem of one lower-case word, accents folded after stemming (Snowball reads them)."""
    if has_digit(word):
        return fold(word)
    with _stemming:
        stemmed = _stemmer.stemWord(word)
    return fold(stemmed)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, with where it stands there."""

    plain: str
    stem: str
    start: int
    end: int


@lru_cache(maxsize=50_000)
def _forms(raw: str) -> tuple[str, str] | None:
    """Plain form and stem of a word as it stands in a text; None for one that does not count."""
    lower = raw.translate(_LIGATURES).lower()
    lower = _ABBREVIATIONS.get(lower, lower)
    return None if lower in STOP_WORDS else (fold(lower), stem(lower))


def words(text: str) -> Iterator[Word]:
    """The words that count: letters and digits, stop words left out."""
    for match in _WORD.finditer(unicodedata.normalize("NFC", text)):
        if forms := _forms(match[0]):
            yield Word(*forms, match.start(), match.end())


def analysed(text: str) -> tuple[str, str]:
    """Stems and plain words of a text, each separated by spaces: what the engines index."""
    found = [forms for raw in _WORD.findall(unicodedata.normalize("NFC", text))
             if (forms := _forms(raw))]  # fmt: skip
    return " ".join([stem for _plain, stem in found]), " ".join([plain for plain, _stem in found])


def stems(*texts: str) -> str:
    """Stems of the texts, separated by spaces."""
    return " ".join(word.stem for text in texts for word in words(text))


def plains(*texts: str) -> str:
    """Plain words of the texts, separated by spaces."""
    return " ".join(word.plain for text in texts for word in words(text))
