"""A procedure file read, with every fault: in which file, where, and how to mend it."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .coherence import Incoherent
from .form import OTHER_FACTS, Form
from .kinds import KINDS
from .questions.base import Ordered
from .schema import Procedure
from .texts import without_english


Step = int | str
_STAND_IN = "(texte)"
LARGEST = 1_000_000  # bytes
PASSES = 8  # each sets aside what the one before found


@dataclass(frozen=True, slots=True)
class Fault:
    """`place` as the file spells it (`stages.3.clock.period`, counted from 0); `line` from 1."""

    file: str
    place: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.place or 'file'}: {self.what} ({self.mend})"


Found = list[tuple[tuple[Step, ...], str, str]]
Whole = TypeVar("Whole", bound=BaseModel)


def procedure(
    path: Path, *, form_of: Callable[[Procedure], Form]
) -> tuple[Procedure | None, list[Fault]]:
    """The procedure, or None and every fault of its file. Raises nothing a file can cause."""

    def names(one: Procedure) -> Found:
        try:
            form = form_of(one)
        except LookupError as error:
            return [(("form",), str(error), "name a form that is there, or add its file")]
        except ValueError:  # its faults are told with its own file
            return []
        return [*_unknown_names(one, form)]

    return read(path, Procedure, lambda one: [*_misnamed(path, one), *names(one)])


def form(path: Path) -> tuple[Form | None, list[Fault]]:
    """The form, likewise."""
    return read(path, Form, lambda one: [*_misnamed(path, one), *_not_compared(one)])


def _misnamed(path: Path, one: Procedure | Form) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    expected = f"{one.code}-{one.version}.toml"
    if path.name != expected:
        what = f"holds {one.code} version {one.version}"
        yield ("code",), what, f"expected name {expected}: rename the file"


def _not_compared(one: Form) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """Answers that could not be said to be below another: it is of another type."""
    types = {f"{part.code}.{question.code}": question.type for part, question in one.pairs()}
    for number, part in enumerate(one.sections):
        for rank, question in enumerate(part.questions):
            rule = question.at_least if isinstance(question, Ordered) else None
            if rule is not None and types.get(rule.field) != question.type:
                place = ("sections", number, "questions", rank, "at_least")
                what = f"{rule.field} is no answer of type {question.type!r}"
                yield place, what, "name an answer of the same type"


def is_form(path: Path) -> bool:
    """Whether a file is meant for a form: one has sections, the other stages."""
    try:
        _text, raw = _parsed(path)
    except _NotRead:
        return path.parent.name == "forms"
    return "sections" in raw and "stages" not in raw


def written_in(folder: Path) -> list[Path]:
    """The TOML files of a folder, by name; not what editors lay beside them."""
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))


class _NotRead(ValueError):
    """Why a file is no TOML at all."""

    def __init__(self, what: str, mend: str, line: int = 1) -> None:
        super().__init__(what)
        self.what, self.mend, self.line = what, mend, line


def _parsed(path: Path) -> tuple[str, dict[str, Any]]:
    """Text and values of a file. Raises _NotRead, whatever the file holds."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise _NotRead("cannot be read: no file", "a UTF-8 file is read")
        if path.stat().st_size > LARGEST:
            raise _NotRead(f"more than {LARGEST:,} bytes", "a procedure is some pages of text")
        text = path.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise _NotRead(f"cannot be read: {error}", "a UTF-8 file is read") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line ([0-9]+)", str(error))
        where = int(line[1]) if line else 1
        raise _NotRead(f"not TOML: {error}", "mend this line", where) from None
    except _NotRead:
        raise
    except ValueError as error:  # a number that Python does not read
        raise _NotRead(f"not TOML: {error}", "write a shorter number") from None
    except RecursionError:
        raise _NotRead("too deeply nested", "nothing here holds lists in lists") from None


def shadowed(paths: Iterable[Path], folder: Path) -> list[str]:
    """Faults of the files whose code is one that is shipped: they would change running files."""
    shipped = {path.stem.rpartition("-")[0] for path in written_in(folder)}
    return [
        f"{path.name}: {code} is shipped with the portal (give yours a code of its own)"
        for path in paths
        if path.parent != folder and (code := path.stem.rpartition("-")[0]) in shipped
    ]


def read(
    path: Path, model: type[Whole], shown: Callable[[Whole], Found] = lambda _one: []
) -> tuple[Whole | None, list[Fault]]:
    """What a file of this model holds, or None and its faults; `shown`: those that only the whole
    shows. Raises nothing a file can cause."""
    try:
        text, raw = _parsed(path)
    except _NotRead as fault:
        return None, [Fault(path.name, "", fault.line, fault.what, fault.mend)]
    lines = text.splitlines()
    whole, found = _validated(raw, model)
    if whole is not None:
        found += shown(whole)
    faults = [
        Fault(path.name, in_words(place), line_of(lines, place), what, mend)
        for place, what, mend in found
    ]
    return (None if faults else whole), faults


def notes(whole: BaseModel) -> list[str]:
    """What is no fault: the places of texts without English."""
    return list(without_english(whole))


# --- Faults of a schema, one after the other ------------------------------------------------------


def _validated(raw: dict[str, Any], model: type[Whole]) -> tuple[Whole | None, Found]:
    """What pydantic finds, then what only the whole shows: a key too many or a text that says
    nothing is set aside to go on."""
    found: Found = []
    stood_in: set[tuple[Step, ...]] = set()
    for _again in range(PASSES):
        try:
            whole = model.model_validate(raw)
        except ValidationError as error:
            faults = error.errors()
            for one in faults:
                place = _of_file(one["loc"])
                cause = (one.get("ctx") or {}).get("error")
                if place and any(stood[: len(place)] == place for stood in stood_in):
                    continue  # of the part with what stands in, not with what the file says
                if isinstance(cause, Incoherent):
                    found += [((), words, _how(words)) for words in cause.found]
                else:
                    words = one["msg"].removeprefix("Value error, ")
                    found.append((place, words, _mend(one["type"], one.get("ctx") or {}, words)))
            # All that can be set aside is, before it is known whether the rest can be judged.
            aside = [_set_aside(raw, _of_file(one["loc"]), one) for one in faults]
            if not all(aside):
                return None, found
            stood_in |= {_of_file(one["loc"]) for one in faults}
        else:
            return whole, found
    return None, found


def _of_file(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Without the kind that pydantic names after a stage's number."""
    if steps[:1] == ("stages",) and len(steps) > 2 and steps[2] in KINDS:
        return (*steps[:2], *steps[3:])
    return steps


def _set_aside(raw: dict[str, Any], place: tuple[Step, ...], fault: Any) -> bool:
    """Whether something right could stand in, so that the rest of the file is judged too."""
    kind, ctx = fault["type"], fault.get("ctx") or {}
    parent: Any = raw
    try:
        if kind == "union_tag_invalid":
            place = (*place, "kind")
        for step in place[:-1]:
            parent = parent[step]
        key = place[-1]
        if kind == "extra_forbidden":
            del parent[key]
        elif key in _TEXTS and kind in {"value_error", "missing"}:
            parent[key] = _STAND_IN
        elif key in _PERIODS and kind == "string_pattern_mismatch":
            parent[key] = _PERIODS[key]
        elif kind == "union_tag_invalid":
            parent[key] = _nearest(str(ctx.get("tag", "")), list(KINDS))
        elif kind == "literal_error":
            parent[key] = _nearest(str(parent[key]), re.findall(r"'([^']+)'", ctx["expected"]))
        else:
            return False
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _nearest(word: str, known: list[str]) -> str:
    return (get_close_matches(word, known, n=1, cutoff=0) or known)[0]


_TEXTS = frozenset({"title", "short_title", "summary", "label", "expected", "help", "refusal"})
_PERIODS = {
    # longer than any reminder, in days, which may pause
    **dict.fromkeys(("period", "urgent_period", "completion_period", "indicative", "by"), "300d"),
    "max_duration": "1y",
}
_MENDS = {
    "extra_forbidden": "remove it, or mend its name: docs/procedures.md lists what is said here",
    "missing": "add it: it has no default",
    "string_pattern_mismatch": "codes are a-z, 0-9 and _ (- in codes of procedures); periods are"
    " written 7wd, 10d, 2w, 1m or 1y",
    "union_tag_invalid": f"kinds of stage: {', '.join(KINDS)}",
    "union_tag_not_found": f"add kind, one of: {', '.join(KINDS)}",
    "date_from_datetime_parsing": "a day is written 2026-01-31, without quotes",
    "date_type": "a day is written 2026-01-31, without quotes",
    "too_short": "name one at least",
}


def _mend(fault: str, ctx: dict[str, Any], words: str) -> str:
    if fault == "literal_error":
        return f"write one of {ctx.get('expected', '')}"
    return _MENDS.get(fault) or _how(words)


def _how(words: str) -> str:
    """For a fault in our own words, which say what is expected."""
    if "named twice" in words:
        return "give one of them another code"
    if "is not an earlier stage" in words:
        return "name a stage written above it in the file"
    if "has no outcome" in words or "is not a stage" in words or "unknown" in words:
        return "mend the code, or add what it names"
    return "mend what it says; docs/procedures.md says what holds together"


def _unknown_names(procedure: Procedure, form: Form) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """Fields and facts that no file of the form holds: a typing fault would ask for them for
    ever."""
    named: list[tuple[tuple[Step, ...], str]] = []
    for number, field in enumerate(procedure.required_fields):
        named.append((("required_fields", number, "field"), field.field))
        named += [(("required_fields", number, "when"), one.fact) for one in field.when]
    for number, piece in enumerate(procedure.pieces):
        named += [(("pieces", number, "when"), one.fact) for one in piece.when]
    mend = "name an answer of the form, or orientation.… or datasets.…"
    for place, name in named:
        if name.partition(".")[0] not in OTHER_FACTS and not form.holds(name):
            yield place, f"not in the form {form.code}: {name}", mend


# --- Where in the file ----------------------------------------------------------------------------


def in_words(place: tuple[Step, ...]) -> str:
    return ".".join(str(step) for step in place)


def line_of(lines: list[str], place: tuple[Step, ...]) -> int:
    """The line nearest to a place; 1 when nothing of it is written."""
    start, stop, best = 0, len(lines), 1
    names: list[str] = []
    for step in place:
        if isinstance(step, int):
            heads = [n for n in range(start, stop) if lines[n].strip() == f"[[{'.'.join(names)}]]"]
            if step < len(heads):
                start = heads[step] + 1
                stop = heads[step + 1] if step + 1 < len(heads) else stop
                best = heads[step] + 1
            continue
        names.append(step)
        table = f"[{'.'.join(names)}]"
        for number in range(start, stop):
            line = lines[number].strip()
            if line == table or re.match(rf"{re.escape(step)}\s*=", line):
                start, best = number, number + 1
                break
    return best
