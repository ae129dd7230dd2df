"""Documents as PDF/UA-1 by Typst, offline, with the fonts that Typst carries.

The data are passed as JSON and shown as strings: a text that looks like markup stays a text. The
same data give the same bytes.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typst
from django.conf import settings


_UNSHOWN = re.compile(r"the text `\"(?P<text>.*?)\"` could not be displayed", re.DOTALL)
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
_ATTEMPTS = 5
# Bidirectional overrides reorder what is read after them: they have no place in a signed document.
_DROPPED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
REPLACEMENT = "\ufffd"


class PdfError(RuntimeError):
    """The template does not compile with these data: a fault of the code, not of the person."""


def render_pdf(template: str, data: dict[str, Any]) -> bytes:
    """Compile a template of `templates/`, e.g. `"pdf/receipt.typ"`, with JSON data.

    `receipt.typ` knows `title` (required), `number`, `issuer`, `subtitle`, `fingerprint` (SHA-256),
    `demo` (bool), `intro` and `closing` (text or paragraphs), `rows` ([label, value] pairs),
    `points` (numbered: texts, or {title, text}), `signature` (label of a box to sign by hand), and
    `sections`: each with `title`, `paragraphs`, `rows`, `points`, `table` ({head, rows, widths})
    and `sections` again.

    Characters that no font has are shown as U+FFFD. Raises PdfError, FileNotFoundError.
    """
    root = _root_of(template)
    data = _mapped(data, _readable)
    for _attempt in range(_ATTEMPTS):
        try:
            return _compile(root, template, data)
        except typst.TypstError as error:
            unshown = {_unescaped(m["text"]) for m in _UNSHOWN.finditer(str(error))}
            characters = {c for text in unshown for c in text if ord(c) > 0x7E}
            if not characters:
                raise PdfError(f"{template}: {error.message}") from error
            data = _mapped(data, _replacing(characters))
    raise PdfError(f"{template}: some text has no font after {_ATTEMPTS} attempts")


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


def _readable(text: str) -> str:
    """Line ends unified, control and overriding characters dropped, accents composed."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(c for c in text if c in "\n\t" or _is_shown(c))


def _is_shown(character: str) -> bool:
    hidden = unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}
    return not hidden and character not in _DROPPED


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _replacing(characters: set[str]) -> Callable[[str], str]:
    table = dict.fromkeys(map(ord, characters), REPLACEMENT)
    return lambda text: text.translate(table)
