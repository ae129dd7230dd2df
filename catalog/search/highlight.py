"""Marking the searched words in a text, from the text itself: the same whatever engine found it."""

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from .query import ParsedQuery
from .text import fold, words


def _spans(text: str, parsed: ParsedQuery) -> list[tuple[int, int]]:
    """Places of the searched words, kept with the query: a page asks first why a hit was found,
    then marks the same texts."""
    known = parsed.seen.get(text)
    if known is None:
        known = parsed.seen[text] = _found(text, parsed)
    return known


def _found(text: str, parsed: ParsedQuery) -> list[tuple[int, int]]:
    stems, plains = parsed.marks
    spans = [
        (word.start, word.end) for word in words(text) if word.stem in stems or word.plain in plains
    ]
    if codes := [code for code in parsed.codes() if len(code) >= 3]:
        folded = fold(text)
        if len(folded) == len(text):  # places are kept: a code can be marked as a whole
            for code in codes:
                at = folded.find(code)
                while at >= 0:
                    spans.append((at, at + len(code)))
                    at = folded.find(code, at + len(code))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def has_match(text: str, parsed: ParsedQuery | None) -> bool:
    return bool(parsed and not parsed.is_empty and text and _spans(text, parsed))


def may_match(text: str, parsed: ParsedQuery) -> bool:
    """A quick look before `has_match`, for long lists: False is sure, True is not."""
    stems, plains = parsed.marks
    folded = fold(text)
    return "°" in text or any(word[:3] in folded for word in (*stems, *plains, *parsed.codes()))


def mark(text: str, parsed: ParsedQuery | None, length: int = 0) -> SafeString:
    """Escaped text with `<mark>` around the searched words.

    `length` > 0: at most so many characters, from a little before the first marked word.
    """
    spans = _spans(text, parsed) if parsed and not parsed.is_empty and text else []
    begin, end = 0, len(text)
    if length and len(text) > length:
        first = spans[0][0] if spans else 0
        begin = 0 if first < length - 40 else text.rfind(" ", 0, first - 30) + 1
        end = text.rfind(" ", begin, begin + length)
        end = end if end > begin else begin + length
    parts = ["… " if begin else ""]
    at = begin
    for start, stop in spans:
        if start < begin or stop > end:
            continue
        parts += [
            str(conditional_escape(text[at:start])),
            "<mark>",
            str(conditional_escape(text[start:stop])),
            "</mark>",
        ]
        at = stop
    parts += [str(conditional_escape(text[at:end])), " …" if end < len(text) else ""]
    return mark_safe("".join(parts))  # noqa: S308  (every piece of text is escaped above)
