"""Whether a PDF that somebody deposited opens, and holds nothing but pages to read.

`problem()` looks at it in a process of its own, bounded in memory and time, whatever the file
makes the library do; this module is also that process's script, so it imports neither Django nor
the project.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


MEMORY_BYTES = 1024**3
CPU_SECONDS = 10
STREAM_BYTES = 64 * 1024**2  # of objects, once unpacked; pages' own streams are never unpacked
WALL_SECONDS = 30  # a loaded machine gives the child less than its share
MAX_NODES = 400_000  # dictionaries, arrays and values looked at
MARKER_WITHIN = 1024  # ISO 32000-1, annex H: readers look for the marker there
_TAIL = 4096

FINE = "fine"
UNREADABLE, TRUNCATED, ENCRYPTED, NO_PAGE, EMBEDDED, ACTIVE, TOO_COMPLEX = PROBLEMS = (
    "unreadable",
    "truncated",
    "encrypted",
    "no_page",
    "embedded",
    "active",
    "too_complex",
)
# ISO 32000-2, 12.6.4: types of actions, so that `/S` of a group or of a structure is told apart
_RUNS = frozenset(
    "/JavaScript /Launch /SubmitForm /ImportData /Rendition /Movie /Sound /GoToE /RichMediaExecute"
    " /GoTo3DView".split()
)
_ACTIONS = _RUNS | frozenset(
    "/GoTo /GoToR /GoToDp /Thread /URI /Hide /Named /ResetForm /SetOCGState /Trans".split()
)
_PLAYS = frozenset("/RichMedia /Movie /Screen /Sound /3D".split())


def problem(file: IO[bytes]) -> str:
    """`FINE`, or one of `PROBLEMS`; never raises for what the file holds."""
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
            **given,
        )
    except subprocess.TimeoutExpired:
        return TOO_COMPLEX
    finally:
        file.seek(0)
    said = done.stdout.decode("ascii", "replace").strip()
    if said == FINE or said in PROBLEMS:
        return said
    return TOO_COMPLEX if done.returncode < 0 else UNREADABLE  # stopped by a limit, or it crashed


def examine(file: IO[bytes]) -> str:
    """The same, in this process and without its bounds."""
    import pikepdf  # the web process never loads it

    tail = _tail(file)
    try:
        with pikepdf.open(file, suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                return ENCRYPTED
            if len(pdf.pages) == 0:
                return NO_PAGE
            mended = any("reconstruct" in str(one) for one in pdf.get_warnings())
            if mended and b"%%EOF" not in tail:
                return TRUNCATED
            return _content(pdf)
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


def _content(pdf: Any) -> str:
    """Every object of the file, those of object streams included, and the trailer."""
    left = MAX_NODES
    for root in _roots(pdf):
        todo = [root]
        while todo:
            left -= 1
            if left < 0:
                return TOO_COMPLEX
            found, inside = _look(todo.pop())
            if found:
                return found
            todo += inside
    return FINE


def _roots(pdf: Any) -> Iterator[Any]:
    yield pdf.trailer
    yield from pdf.objects


def _look(node: Any) -> tuple[str, list[Any]]:
    """What is wrong with one dictionary or array, and the direct objects in it (the others come as
    objects of the file)."""
    import pikepdf  # already loaded

    if isinstance(node, pikepdf.Array):
        return "", [one for one in node if _is_direct(one)]
    if not isinstance(node, pikepdf.Dictionary | pikepdf.Stream):
        return "", []
    given = dict(node.stream_dict.items() if isinstance(node, pikepdf.Stream) else node.items())
    return _wrong(given), [one for one in given.values() if _is_direct(one)]


def _is_direct(value: Any) -> bool:
    import pikepdf  # already loaded

    inside = isinstance(value, pikepdf.Array | pikepdf.Dictionary)
    return inside and not value.is_indirect


def _wrong(given: dict[str, Any]) -> str:
    import pikepdf  # already loaded

    kind, subtype, action = (str(given.get(key, "")) for key in ("/Type", "/Subtype", "/S"))
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
    if action in _RUNS or subtype in _PLAYS or said or {"/JavaScript", "/XFA"} & given.keys():
        return ACTIVE
    return ACTIVE if _has_triggers(given.get("/AA")) else ""


def _has_triggers(value: Any) -> bool:
    """Actions that run by themselves (12.6.3); a font may be called `/AA` in its page."""
    import pikepdf  # already loaded

    return isinstance(value, pikepdf.Dictionary) and any(
        isinstance(one, pikepdf.Dictionary) and str(one.get("/S", "")) in _ACTIONS
        for one in value.values()
    )


def _main() -> None:
    import io
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from pikepdf import settings  # under the limits

    settings.set_qpdf_limits(flate_max_memory=STREAM_BYTES, run_length_max_memory=STREAM_BYTES)
    print(examine(io.BytesIO(sys.stdin.buffer.read())))  # noqa: T201 - its answer


if __name__ == "__main__":
    _main()
