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
