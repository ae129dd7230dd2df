"""One way to compare what people type: names, addresses, user names.

A database compares otherwise: `iexact` folds ASCII alone on SQLite, and on PostgreSQL its UPPER
makes an I of ı, so that two mailboxes pass for one (CVE-2019-19844). Compared here, in Python.
"""

import unicodedata


def without_format(text: str) -> str:
    """The text without characters that are not seen: direction, zero width, soft hyphen (Cf)."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def folded(text: str) -> str:
    """The key of a text: compatibility forms (NFKC), case and invisible characters do not count.

    ſ, K and full-width letters are their plain letter, ß is ss; ı stays another letter than i.
    """
    plain = unicodedata.normalize("NFKC", without_format(text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def same(one: str, other: str) -> bool:
    """Whether two texts are one to a reader."""
    return folded(one) == folded(other)


def plain_address(text: str) -> str:
    """A mail address as it is kept: what was pasted with it, and compatibility forms, left out."""
    return unicodedata.normalize("NFKC", without_format(text)).strip()


_JOINERS = "\u200c\u200d"  # they shape words of several scripts
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that show nothing


def one_line(text: str) -> str:
    """A text of one line as it is kept: composed (NFC), no control or format character, blanks
    folded. Joiners stay inside words, non-breaking spaces stay too."""
    text = unicodedata.normalize("NFC", text)
    kept = []
    for place, char in enumerate(text):
        kind = unicodedata.category(char)
        if kind in {"Zl", "Zp"} or char in "\t\n\v\f\r\x85":
            kept.append(" ")
        elif char in _JOINERS:
            around = text[place - 1 : place] + text[place + 1 : place + 2]
            if len(around) == 2 and all(unicodedata.category(c)[0] in "LM" for c in around):
                kept.append(char)
        elif kind not in {"Cc", "Cf"} and char not in _BLANK:
            kept.append(char)
    return " ".join(word for word in "".join(kept).split(" ") if word).strip()


def has_letter(text: str) -> bool:
    """Whether a reader sees a letter."""
    return any(unicodedata.category(char)[0] == "L" and char not in _BLANK for char in text)
