"""What of an answer is compared: its text without what differs from run to run."""

import enum
import hashlib
import io
import re
from collections.abc import Callable, Mapping
from typing import Any


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b", re.IGNORECASE)
_CSRF = re.compile(r'(csrfmiddlewaretoken"\s+value=")[^"]*|(csrftoken=)\w+')
_SESSION = re.compile(r"(sessionid=)\w+")
_HASH = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b", re.IGNORECASE)
_FERNET = re.compile(r"\bgAAAAA[\w=-]{40,}")
_LINK = re.compile(r"(?<=[/=])[A-Za-z0-9_-]{40,}(?=[/\"'\s&]|$)")
_SHORT_LINK = re.compile(r"(/mot-de-passe/)\w+/[\w-]+/")
_SECRET = re.compile(r"\bgui_\w{20,}")
_TOTP = re.compile(r"\b[A-Z2-7]{32}\b|(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}|(secret=)[A-Z2-7]+")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d):\d\d(?:\.\d+)?(?=Z|[+-]\d\d|\b)")
_SAVEPOINT = re.compile(r'"s\d+_x\d+"')
_SPACE = re.compile(r"[ \t\r\f\v]+")
_TAG = re.compile(r"\s*(<[^>]+>)\s*", re.DOTALL)


class Masks:
    """Rows by their place (`accessrequest#3`), tokens and hashes by their nature.

    Days stay: the clock of both runs is the same, and a due date that moved is worth seeing.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._rows: dict[str, str] = {}
        self._folders = folders
        self._statements: dict[str, str] = {}

    def learn(self, rows: Mapping[str, str]) -> None:
        self._rows.update(rows)

    def text(self, text: str) -> str:
        for folder, name in self._folders.items():
            text = text.replace(folder, name)
        text = _CSRF.sub(r"\1\2‹csrf›", text)
        text = _SESSION.sub(r"\1‹session›", text)
        text = _SHORT_LINK.sub(r"\1‹link›/", text)
        text = _HASH.sub("‹hash›", text)
        text = _UUID.sub(self._row, text)
        text = _FERNET.sub("‹sealed›", text)
        text = _SECRET.sub("‹token›", text)
        text = _TOTP.sub(r"\1‹secret›", text)
        text = _LINK.sub("‹link›", text)
        return _INSTANT.sub(r"\1:‹s›", text)

    def _row(self, match: re.Match[str]) -> str:
        plain = match.group().replace("-", "").lower()
        return f"‹{self._rows.get(plain, 'id')}›"

    def html(self, text: str) -> str:
        """One line a tag or a text: what a difference is read in."""
        lines = _TAG.sub(r"\n\1\n", text)
        lines = "\n".join(" ".join(line.split()) for line in lines.split("\n"))
        return self.text(re.sub(r"\n{2,}", "\n", lines).strip())

    def sql(self, statement: str) -> str:
        if statement not in self._statements:
            text = _SAVEPOINT.sub("‹savepoint›", statement)
            if text != statement:  # another name each time
                return _SPACE.sub(" ", text)
            self._statements[statement] = _SPACE.sub(" ", self.text(text))
        return self._statements[statement]

    def params(self, params: Any) -> str:
        shown = params.items() if isinstance(params, Mapping) else enumerate(params or ())
        return self.text(", ".join(_plain(value) for _name, value in shown))


def _plain(value: Any) -> str:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bytes | memoryview):
        return f"‹{len(bytes(value))} bytes›"
    return repr(value)


_read: dict[str, str] = {}


def pdf_text(content: bytes) -> str:
    """The words of a document, page by page; the same bytes are read once."""
    name = hashlib.sha256(content).hexdigest()
    if name not in _read:
        _read[name] = _words(content, name)
    return _read[name]


def _words(content: bytes, name: str) -> str:
    import pypdf  # heavy, and most crawls of a part meet no document

    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        about = [f"{key}: {value}" for key, value in sorted((reader.metadata or {}).items())]
        return "\n".join([*about, *(page.extract_text() for page in reader.pages)])
    except pypdf.errors.PyPdfError:  # handed in by somebody: no document of ours
        return f"{len(content)} bytes {name}"


def once(call: Callable[..., bytes]) -> Callable[..., bytes]:
    """The same document is drawn once: its bytes follow from its data."""
    drawn: dict[str, bytes] = {}

    def drawn_once(*args: Any, **options: Any) -> bytes:
        name = repr((args, sorted(options.items())))
        if name not in drawn:
            drawn[name] = call(*args, **options)
        return drawn[name]

    return drawn_once
