"""Whether a PDF that somebody deposited opens, and holds nothing but pages to read.

`problem()` looks at it in a process of its own, bounded in memory and time, whatever the file
makes the library do, and so many at a time; this module is also that process's script, so it
imports neither Django nor the project.
"""

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast


MEMORY_BYTES = 384 * 1024**2
CPU_SECONDS = 5
STREAM_BYTES = 16 * 1024**2  # of objects, once unpacked; pages' own streams are never unpacked
WALL_SECONDS = 30  # a loaded machine gives the child less than its share
MAX_NODES = 600_000  # dictionaries and arrays, and each thing that they hold
AT_ONCE = 2  # processes per machine
WAIT_SECONDS = 5  # for one of them to end
MARKER_WITHIN = 1024  # ISO 32000-1, annex H: readers look for the marker there
_TAIL = 4096

FINE = "fine"
UNREADABLE, TRUNCATED, ENCRYPTED, NO_PAGE, EMBEDDED, ACTIVE, TOO_COMPLEX, BUSY = PROBLEMS = (
    "unreadable",
    "truncated",
    "encrypted",
    "no_page",
    "embedded",
    "active",
    "too_complex",
    "busy",  # nothing of the file: every place is taken
)
# ISO 32000-2, 12.6.4: types of actions, so that `/S` of a group or of a structure is told apart
_RUNS = frozenset(
    "/JavaScript /Launch /SubmitForm /ImportData /Rendition /Movie /Sound /GoToE /GoToR"
    " /RichMediaExecute /GoTo3DView".split()
)
# What a click may do: move in the file, show or hide a part of it, follow a link of the web.
_CLICKED = frozenset(
    "/GoTo /GoToDp /Thread /URI /Hide /Named /ResetForm /SetOCGState /Trans".split()
)
# 12.6.4.12, and what slides made with LaTeX have at the foot of each page
_MOVES = frozenset(
    "/NextPage /PrevPage /FirstPage /LastPage /GoBack /GoForward /GoToPage /Find".split()
)
_PLAYS = frozenset("/RichMedia /Movie /Screen /Sound /3D /PS".split())
_NEVER = frozenset(("/JavaScript", "/XFA", "/AlternatePresentations"))
_LINK = re.compile(r"\s*(?:https?|mailto):", re.IGNORECASE)
# qpdf goes on without what it could not read, and says so: another reader may read it.
_LEFT_OUT = re.compile(
    r"as null|null as value|unexpected EOF|parse error|giving up|error reading|error decoding"
    r"|unfilterable|unable to recover|as empty|duplicated key|QPDFFake|loop detected"
)
_TOO_MUCH = re.compile(r"limit|bad_alloc")


def problem(file: IO[bytes], locks: Path) -> str:
    """`FINE`, or one of `PROBLEMS`; never raises for what the file holds.

    `locks` is a directory of this machine, the same for all who ask: `AT_ONCE` files look at once.
    """
    with _a_place(locks) as place:
        return BUSY if place is None else _asked(file, place)


@contextmanager
def _a_place(locks: Path) -> Iterator[int | None]:
    """The lock of one of the places, for as long as the block lasts; None when none was left."""
    locks.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + WAIT_SECONDS
    with ExitStack() as opened:
        places = [opened.enter_context((locks / f"{n}.lock").open("ab")) for n in range(AT_ONCE)]
        while (got := next(filter(_locked, places), None)) is None and time.monotonic() < until:
            time.sleep(0.1)
        yield None if got is None else got.fileno()


def _locked(place: IO[bytes]) -> bool:
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _asked(file: IO[bytes], place: int) -> str:
    """The child holds the place too: it is taken until both have ended, whichever is killed."""
    file.seek(0)
    try:
        given: dict[str, Any] = {"stdin": file.fileno()}
    except (AttributeError, OSError):  # kept in memory: small
        given = {"input": file.read()}
    try:
        done = subprocess.run(  # noqa: S603 - our own script, nothing of the file in its arguments
            [sys.executable, "-I", str(Path(__file__))],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
            check=False,
            pass_fds=(place,),
            **given,
        )
    except subprocess.TimeoutExpired:
        return TOO_COMPLEX
    finally:
        file.seek(0)
    said = done.stdout.decode("ascii", "replace").strip()
    # no answer: stopped by a limit, or it crashed
    return said if said == FINE or said in PROBLEMS else TOO_COMPLEX


def examine(file: IO[bytes]) -> str:
    """The same, in this process and without its bounds."""
    import pikepdf  # the web process never loads it

    tail = _tail(file)
    try:
        with pikepdf.open(cast(BinaryIO, file), suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                return ENCRYPTED
            if len(pdf.pages) == 0:
                return _unread(pdf) or NO_PAGE
            mended = any("reconstruct" in str(one) for one in pdf.get_warnings())
            if mended and b"%%EOF" not in tail:
                return TRUNCATED
            return _content(pdf) or _unread(pdf) or FINE
    except pikepdf.PasswordError:
        return ENCRYPTED
    except MemoryError:
        return TOO_COMPLEX
    except Exception:  # noqa: BLE001 - whatever a library says of a stranger's bytes
        return UNREADABLE


def _tail(file: IO[bytes]) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(size - _TAIL, 0))
    tail = file.read()
    file.seek(0)
    return tail


def _unread(pdf: Any) -> str:
    """Why all of it was not looked at."""
    said = [str(one) for one in pdf.get_warnings()]
    if any(_TOO_MUCH.search(one) for one in said):
        return TOO_COMPLEX
    return UNREADABLE if any(_LEFT_OUT.search(one) for one in said) else ""


def _content(pdf: Any) -> str:
    """What is wrong in any object of the file, those of object streams included, or the trailer."""
    left = MAX_NODES
    for root in _roots(pdf):
        todo = [root]
        while todo:
            node = todo.pop()
            left -= _size(node)
            if left < 0:
                return TOO_COMPLEX
            found, inside = _look(node)
            if found:
                return found
            todo += inside
    return ""


def _roots(pdf: Any) -> Iterator[Any]:
    yield pdf.trailer
    yield from pdf.objects


def _size(node: Any) -> int:
    """One, and each thing that it holds."""
    import pikepdf  # already loaded

    if isinstance(node, pikepdf.Stream):
        node = node.stream_dict
    return 1 + (len(node) if isinstance(node, pikepdf.Array | pikepdf.Dictionary) else 0)


def _look(node: Any) -> tuple[str, list[Any]]:
    """What is wrong with one dictionary or array, and the direct objects in it (the others come as
    objects of the file)."""
    import pikepdf  # already loaded

    if isinstance(node, pikepdf.Array):
        return "", [one for one in node if _is_direct(one)]
    if not isinstance(node, pikepdf.Dictionary | pikepdf.Stream):
        return "", []
    is_stream = isinstance(node, pikepdf.Stream)
    given, values = _given(node.stream_dict if is_stream else node)
    if is_stream and _is_elsewhere(given):
        return ACTIVE, []
    return _wrong(given), [one for one in values if _is_direct(one)]


def _given(node: Any) -> tuple[dict[str, Any], Iterable[Any]]:
    """What a dictionary holds under names that we know, and all that it holds: some writers name
    styles and fonts in another encoding than UTF-8."""
    try:
        given = dict(node.items())
    except UnicodeDecodeError:
        return {key: node[key] for key in node.keys() if key.isascii()}, list(node.values())
    return given, given.values()


def _word(value: Any) -> str:
    """A name as text, or something that is none which we know."""
    try:
        return str(value)
    except UnicodeDecodeError:
        return "?"


def _is_direct(value: Any) -> bool:
    import pikepdf  # already loaded

    inside = isinstance(value, pikepdf.Array | pikepdf.Dictionary)
    return inside and not value.is_indirect


def _wrong(given: dict[str, Any]) -> str:
    import pikepdf  # already loaded

    kind, subtype, action = (_word(given.get(key, "")) for key in ("/Type", "/Subtype", "/S"))
    files = given.get("/EF")
    attached = isinstance(files, pikepdf.Dictionary) and any(
        isinstance(one, pikepdf.Stream) for one in files.values()
    )
    tree = given.get("/EmbeddedFiles")
    listed = isinstance(tree, pikepdf.Dictionary) and any(
        len(tree[key]) for key in ("/Names", "/Kids") if isinstance(tree.get(key), pikepdf.Array)
    )
    if attached or listed or kind == "/EmbeddedFile" or subtype == "/FileAttachment":
        return EMBEDDED
    script = given.get("/JS")
    said = isinstance(script, pikepdf.String) or (isinstance(script, pikepdf.Stream) and action)
    if action in _RUNS or subtype in _PLAYS or said or _NEVER & given.keys():
        return ACTIVE
    if kind == "/Action" and action not in _CLICKED:
        return ACTIVE
    return ACTIVE if _runs(given, action) or _leads_out(given, action) else ""


def _runs(given: dict[str, Any], action: str) -> bool:
    """Whether something happens without a click, or after one more than a click may do (12.6)."""
    if not _is_within(given.get("/OpenAction")) or _has_triggers(given.get("/AA")):
        return True
    if _does(given.get("/A")) not in _CLICKED | {""}:  # of a structure it is a style
        return True
    if action == "/Named" and _word(given.get("/N", "")) not in _MOVES:
        return True
    chained = _each(given.get("/Next"))
    if action not in _CLICKED:  # of an outline's line it is the next line
        chained = [one for one in chained if _does(one)]
    return any(_does(one) != "/GoTo" for one in chained)


def _leads_out(given: dict[str, Any], action: str) -> bool:
    """Whether it goes to another file, or to more than a page of the web (12.6.4.8, 7.11.5)."""
    import pikepdf  # already loaded

    if (action in {"/GoTo", "/Thread"} and "/F" in given) or _word(given.get("/FS", "")) == "/URL":
        return True
    link = given.get("/URI")
    if isinstance(link, pikepdf.Dictionary):  # of the catalogue: where relative links begin
        link = link.get("/Base")
    elif action != "/URI" and not isinstance(link, pikepdf.String):
        return False
    return link is not None and not (isinstance(link, pikepdf.String) and _LINK.match(str(link)))


def _is_elsewhere(stream: dict[str, Any]) -> bool:
    """Whether a reader fetches its bytes, or its picture, from another file (7.3.8.2, 8.10.4,
    14.11.7). `/F` is also short for `/Filter`: then it holds names."""
    import pikepdf  # already loaded

    if stream.get("/Ref") is not None or stream.get("/OPI") is not None:
        return True
    return not all(isinstance(one, pikepdf.Name) for one in _each(stream.get("/F")))


def _is_within(value: Any) -> bool:
    """Whether it is a destination, or the action that goes to one."""
    import pikepdf  # already loaded

    if isinstance(value, pikepdf.Array):
        return not any(_does(one) for one in value)
    if isinstance(value, pikepdf.Dictionary):
        return _does(value) == "/GoTo"
    return value is None or isinstance(value, pikepdf.String | pikepdf.Name)


def _has_triggers(value: Any) -> bool:
    """Actions that run by themselves (12.6.3); a font may be called `/AA` in its page."""
    import pikepdf  # already loaded

    return isinstance(value, pikepdf.Dictionary) and any(_does(one) for one in value.values())


def _does(value: Any) -> str:
    """The type of an action, or nothing."""
    import pikepdf  # already loaded

    if isinstance(value, pikepdf.Stream):
        value = value.stream_dict
    return _word(value.get("/S", "")) if isinstance(value, pikepdf.Dictionary) else ""


def _each(value: Any) -> list[Any]:
    import pikepdf  # already loaded

    if isinstance(value, pikepdf.Array):
        return list(value)
    return [] if value is None else [value]


def _main() -> None:
    # as a process of its own only: importing this module must not load what bounds a process
    import io
    import resource
    import signal

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(WALL_SECONDS)  # who asked may be gone
    _bound_the_library()
    print(examine(io.BytesIO(sys.stdin.buffer.read())))  # noqa: T201 - its answer


def _bound_the_library() -> dict[str, Any]:
    """What the bounds were."""
    from pikepdf import settings  # under the limits

    return settings.set_qpdf_limits(
        parser_max_container_size=MAX_NODES,
        flate_max_memory=STREAM_BYTES,
        run_length_max_memory=STREAM_BYTES,
        png_max_memory=STREAM_BYTES,
        tiff_max_memory=STREAM_BYTES,
    )


if __name__ == "__main__":
    _main()
