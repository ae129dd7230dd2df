"""Documents as PDF/UA-1 by Typst, offline, with the fonts that Typst carries.

The data are passed as JSON and shown as strings: a text that looks like markup stays a text. The
same data give the same bytes. Whatever was typed gives a document: what no font shows is replaced
by U+FFFD, and listed below the document.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


_UNSHOWN = re.compile(r"the text `\"(?P<text>.*?)\"` could not be displayed", re.DOTALL)
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
# Bidirectional overrides reorder what is read after them: they have no place in a signed document.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
REPLACEMENT = "\ufffd"
LISTED = 200  # distinct characters listed one by one; the others are counted


class PdfError(RuntimeError):
    """The template does not compile with these data: a fault of the code, not of the person."""


def render_pdf(template: str, data: dict[str, Any]) -> bytes:
    """Compile a template of `templates/`, e.g. `"pdf/receipt.typ"`, with JSON data.

    `receipt.typ` knows `title` (required), `number`, `issuer`, `subtitle`, `fingerprint` (SHA-256),
    `demo` (bool), `intro` and `closing` (text or paragraphs), `rows` ([label, value] pairs),
    `points` (numbered: texts, or {title, text}), `signature` (label of a box to sign by hand), and
    `sections`: each with `title`, `paragraphs`, `rows`, `points`, `table` ({head, rows, widths})
    and `sections` again.

    Characters that no font has are shown as U+FFFD and listed at the end. Raises PdfError,
    FileNotFoundError.
    """
    root = _root_of(template)
    shown = _mapped(data, _composed)
    if not shown.get("title", "-").strip():  # a reader's window, and PDF/UA, want one
        shown["title"] = _("Document")
    found: dict[str, _Replaced] = {}
    unshown = {c for text in _texts(shown) for c in text if not _may_be_shown(c)}
    # The compiler names every text that it cannot show, all at once: told, it has nothing more to
    # say, unless a mark now stands behind a replacement. Each turn leaves less to replace.
    while True:
        if unshown:
            before, shown = shown, _without(shown, unshown, found)
            if shown == before:
                raise PdfError(f"{template}: the template itself has text without a font")
        try:
            return _compile(
                root, template, shown | ({"replaced": _list_of(found)} if found else {})
            )
        except typst.TypstError as error:
            told = getattr(error, "diagnostic", "") or str(error)
            unshown = _to_replace("".join(_unescaped(m["text"]) for m in _UNSHOWN.finditer(told)))
            if not unshown:
                raise PdfError(f"{template}: {error.message}") from error


def _root_of(template: str) -> Path:
    folders: list[Any] = settings.TEMPLATES[0]["DIRS"]  # type: ignore[assignment]
    for folder in folders:
        root = Path(folder).resolve()
        path = (root / template).resolve()
        if path.is_relative_to(root) and path.is_file():
            return root
    raise FileNotFoundError(template)


def _compile(root: Path, template: str, data: dict[str, Any]) -> bytes:
    compiled = typst.compile(
        str(root / template),
        root=str(root),
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    if not isinstance(compiled, bytes):
        raise PdfError(f"{template}: no document")
    return compiled


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same structure with every string changed; lazy translations become strings."""
    if isinstance(value, dict):
        return {str(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return change(str(value))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def _composed(text: str) -> str:
    """Line ends unified, accents composed."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _may_be_shown(character: str) -> bool:
    hidden = unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}
    return character in "\n\t" or (not hidden and character not in _OVERRIDES)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _to_replace(named: str) -> set[str]:
    """Of the characters that the compiler named, those to replace now.

    Marks and joiners first: a letter is named for what stands on it, and shown without.
    """
    found = {c for c in named if ord(c) > 0x7E and c != REPLACEMENT}
    return {c for c in found if unicodedata.category(c)[0] in "MC"} or found


@dataclass(slots=True)
class _Replaced:
    """One character that is not shown: how often it was typed, and under which words first."""

    times: int = 0
    places: list[str] = field(default_factory=list)
    elsewhere: bool = False


def _without(value: Any, unshown: set[str], found: dict[str, _Replaced], place: str = "") -> Any:
    """The data as they can be shown; what is replaced is added to `found`, with its place: the
    label of a row, or the nearest title."""
    if isinstance(value, str):
        for character in value:
            if character in unshown:
                one = found.setdefault(character, _Replaced())
                one.times += 1
                if len(one.places) < 3 and place not in one.places:
                    one.places.append(place)
                one.elsewhere |= place not in one.places
        return value.translate(dict.fromkeys(map(ord, unshown), REPLACEMENT))
    if isinstance(value, dict):
        place = value["title"] if isinstance(value.get("title"), str) else place
        return {key: _without(item, unshown, found, place) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, str) for item in value):
            place = value[0]
        return [_without(item, unshown, found, place) for item in value]
    return value


def _places(one: _Replaced, table: dict[int, str]) -> str:
    shown = [place[:80].translate(table) for place in one.places]
    return " ; ".join([*shown, _("et ailleurs")] if one.elsewhere else shown)


def _list_of(found: dict[str, _Replaced]) -> dict[str, Any]:
    """The section below the document, in the order of the text."""
    table = dict.fromkeys(map(ord, found), REPLACEMENT)
    rows = [
        [
            f"U+{ord(character):04X}",
            unicodedata.name(character, _("sans nom")),
            str(one.times),
            _places(one, table),
        ]
        for character, one in list(found.items())[:LISTED]
    ]
    told = ngettext(
        "Ce document ne peut pas montrer un des caractères qui ont été saisis. Il y est remplacé"
        " par %(mark)s ; le voici, avec l’endroit où il se trouve.",
        "Ce document ne peut pas montrer %(count)d des caractères qui ont été saisis. Chacun y est"
        " remplacé par %(mark)s ; les voici, avec l’endroit où ils se trouvent.",
        len(found),
    ) % {"count": len(found), "mark": REPLACEMENT}
    paragraphs = [told]
    if left := len(found) - len(rows):
        paragraphs.append(
            _("Seuls les %(shown)d premiers sont décrits ; il y en a %(left)d autres.")
            % {"shown": len(rows), "left": left}
        )
    head = [_("Caractère"), _("Nom Unicode (en anglais)"), _("Fois"), _("Où")]
    return {
        "title": _("Caractères remplacés"),
        "paragraphs": paragraphs,
        "table": {"head": head, "rows": rows, "widths": [2, 5, 1, 5]},
    }
