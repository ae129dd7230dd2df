"""Numbers as people type them. `str.isdigit()` says yes to ² and ١, `int()` to ١ and `1_0`, and
`\\d` is as wide: here only 0 to 9 count, and the layout (spaces, full width) does not."""

import re
import unicodedata


_SPACES = " \xa0\u2009\u202f\u2007"
# Not NFKC: it reads 10² as 102.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_GROUPED = re.compile(rf"[0-9]{{1,3}}(?:([{_SPACES}.])[0-9]{{3}})(?:\1[0-9]{{3}})*")


def is_digits(text: str) -> bool:
    """Whether the text is one ASCII digit or more, and nothing else."""
    return text.isascii() and text.isdigit()


def has_digit(text: str) -> bool:
    return any(is_digits(char) for char in text)


def packed(text: str) -> str:
    """The text of an identifier without its layout: spaces of all kinds, dots, hyphens, invisible
    characters; full-width forms are plain ones."""
    plain = text.translate(_FULL_WIDTH)
    return "".join(
        char
        for char in plain
        if not (char.isspace() or char in ".-" or unicodedata.category(char) in {"Cf", "Pd"})
    )


def whole_number(text: str) -> int | None:
    """The whole number that a text writes (`12000`, `12 000`, `12.000`), None when it is none.

    Never through `int()` alone: digits of other scripts are refused, not read.
    """
    plain = text.replace("\u2212", "-").translate(_FULL_WIDTH).strip()
    sign = plain[:1] if plain[:1] in {"-", "+"} else ""
    digits = plain[len(sign) :].strip()
    if _GROUPED.fullmatch(digits):
        digits = "".join(char for char in digits if is_digits(char))
    if not is_digits(digits) or len(digits) > 15:
        return None
    return int(sign + digits)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
