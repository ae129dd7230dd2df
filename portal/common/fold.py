"""One way to compare what people type: names, addresses, user names.

A database compares otherwise: `iexact` folds ASCII alone on SQLite, and on PostgreSQL its UPPER
makes an I of ı, so that two mailboxes pass for one (CVE-2019-19844). Compared here, in Python.
"""

import unicodedata


# Default_Ignorable_Code_Point of Unicode 16, joiners, fillers and variation selectors among them,
# less what `_HIDDEN` says already. Python's tables do not have the property.
_IGNORABLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))))
)
_BLANK = frozenset("\u2800\U0001d159\U00016fe4")  # signs that show nothing: braille, music, Khitan
_HIDDEN = frozenset(("Cf", "Cs", "Co", "Cn"))  # format, half a character, private, unassigned


def is_unseen(char: str) -> bool:
    """Whether a reader sees nothing of it, or not what its writer saw. Spaces, ends of lines and
    control characters are another matter."""
    return unicodedata.category(char) in _HIDDEN or char in _IGNORABLE or char in _BLANK


def without_unseen(text: str) -> str:
    return "".join(char for char in text if not is_unseen(char))


def folded(text: str) -> str:
    """The key of a text: compatibility forms (NFKC), case and invisible characters do not count.

    ſ, K and full-width letters are their plain letter, ß is ss; ı stays another letter than i.
    """
    plain = unicodedata.normalize("NFKC", without_unseen(text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def same(one: str, other: str) -> bool:
    """Whether two texts are one to a reader."""
    return folded(one) == folded(other)


def plain_address(text: str) -> str:
    """A mail address as it is kept: what was pasted with it, and compatibility forms, left out."""
    return unicodedata.normalize("NFKC", without_unseen(text)).strip()


# UTS #39, 5.4: more than four marks that take no room of their own, after one letter, write no
# language. Vietnamese has two, Hebrew with points and accents four.
MAX_MARKS = 4
_JOINERS = frozenset("\u200c\u200d")
_VIRAMA = 9  # its combining class


def one_line(text: str) -> str:
    """A text of one line as it is kept: composed (NFC), no control or unseen character, blanks
    folded, no heap of marks. Joiners stay where a script needs them, non-breaking spaces too."""
    text = unicodedata.normalize("NFD", text)
    kept: list[str] = []
    marks = 0
    for place, char in enumerate(text):
        kind = unicodedata.category(char)
        if kind in {"Zl", "Zp"} or char in "\t\n\v\f\r\x85":
            char, kind = " ", "Zs"
        if kind == "Cc" or (is_unseen(char) and not _joins(char, text, place)):
            continue
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks <= MAX_MARKS:
            kept.append(char)
    plain = unicodedata.normalize("NFC", "".join(kept))
    return " ".join(word for word in plain.split(" ") if word).strip()


def _joins(char: str, text: str, place: int) -> bool:
    """Whether a joiner shapes a word (UAX #31, 2.3): after a virama, or, for what keeps letters
    apart, between letters that would join (Arabic, Syriac and others)."""
    if char not in _JOINERS or not 0 < place < len(text) - 1:
        return False
    if unicodedata.category(text[place + 1])[0] != "L":
        return False
    if unicodedata.combining(text[place - 1]) == _VIRAMA:
        return True
    before = next((one for one in reversed(text[:place]) if not unicodedata.combining(one)), "")
    around = (before, text[place + 1])
    return char == "\u200c" and all(unicodedata.bidirectional(one) == "AL" for one in around)


def heaped(text: str) -> bool:
    """Whether more than `MAX_MARKS` marks stand on one letter."""
    marks = 0
    for char in unicodedata.normalize("NFD", text):
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks > MAX_MARKS:
            return True
    return False


def has_letter(text: str) -> bool:
    """Whether a reader sees a letter."""
    return any(unicodedata.category(char)[0] == "L" and not is_unseen(char) for char in text)
