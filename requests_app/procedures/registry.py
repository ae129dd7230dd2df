"""The procedures known to this portal: every `<code>-<version>.toml` beside this module.

A request pins code and version, so files are added and given an end, never edited once used.
"""

from collections.abc import Collection
from datetime import date
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.translation import get_language

from portal.common.calendar import legal_today

from . import forms, keeping, reading
from .cases import CaseType
from .forms import FormError
from .schema import Procedure
from .texts import Text


__all__ = ["FormError"]

FOLDER = Path(__file__).resolve().parent
ORIENTATION = "orientation.toml"  # beside a body's own procedures: the questions that lead there
Text.reader = staticmethod(get_language)


class ProcedureError(ValueError):
    """A procedure file that cannot be used; the message names the file and every fault."""


class UnknownProcedure(LookupError):
    """No file for this code and version."""


class UnreadableProcedure(UnknownProcedure):
    """What is kept for this code and version is no procedure that this release can read."""


def load(path: Path) -> Procedure:
    """Read one file. Raises ProcedureError with one line per fault."""
    procedure, faults = reading.procedure(path, form_of=forms.on_file)
    if procedure is None:
        raise ProcedureError("\n".join(str(fault) for fault in faults))
    return procedure


def files() -> list[Path]:
    """Those shipped, then a body's own (`GUICHET_PROCEDURES`)."""
    own = settings.PROCEDURES_FOLDER
    theirs = reading.written_in(Path(own)) if own else []
    return [*reading.written_in(FOLDER), *(one for one in theirs if one.name != ORIENTATION)]


@cache
def _all() -> dict[tuple[str, int], Procedure]:
    if wrong := reading.shadowed(paths := files(), FOLDER):
        raise ProcedureError("\n".join(wrong))
    return {(p.code, p.version): p for p in map(load, paths)}


@cache
def _own() -> frozenset[str]:
    """Those of a body's own folder: a file is named by its code and version."""
    return frozenset(path.stem for path in files() if path.parent != FOLDER)


def is_own(code: str, version: int) -> bool:
    """Whether a procedure is a body's, in a folder that somebody may change."""
    return f"{code}-{version}" in _own()


def get(code: str, version: int) -> Procedure:
    """The procedure that a request pinned. Raises UnknownProcedure, UnreadableProcedure.

    A body's own is as it was when the first request took it, even once its file has changed or
    gone: a folder may change, the law of a running file does not.
    """
    found = _all().get((code, version))
    if found is not None and not is_own(code, version):
        return found
    try:
        return _kept(code, version)
    except UnreadableProcedure:
        raise  # never what the folder says now
    except UnknownProcedure:
        if found is None:
            raise
        return found


@cache
def _kept(code: str, version: int) -> Procedure:
    """Raises UnknownProcedure, which is asked again; what is kept never changes."""
    text = keeping.text_of("procedure", code, version)
    if text is None:
        raise UnknownProcedure(f"no procedure {code} version {version}")
    try:
        return keeping.read(Procedure, text)
    except ValueError as error:
        raise UnreadableProcedure(f"procedure {code} version {version}: {error}") from error


def current(
    code: str | None = None,
    *,
    on: date | None = None,
    types: Collection[CaseType] = frozenset(CaseType),
) -> list[Procedure]:
    """Procedures that a new case of these types may use on a Paris day (today): latest valid
    version of each code. Its file says until when; the rest is as requests took it (`get`)."""
    day = on or legal_today()
    latest: dict[str, Procedure] = {}
    for procedure in _all().values():
        if procedure.is_valid_on(day) and code in {None, procedure.code}:
            known = latest.get(procedure.code)
            if known is None or known.version < procedure.version:
                latest[procedure.code] = procedure
    theirs = any(is_own(one.code, one.version) for one in latest.values())
    kept = keeping.listed("procedure") if theirs else frozenset()
    offered = (_offered(latest[key], kept) for key in sorted(latest))
    return [one for one in offered if one is not None and one.type in types]


def _offered(found: Procedure, kept: Collection[tuple[str, int]]) -> Procedure | None:
    """What is kept under its name, or nothing when that is unreadable."""
    if (found.code, found.version) not in kept:
        return found
    try:
        return get(found.code, found.version)
    except UnreadableProcedure:
        return None


def everything() -> list[Procedure]:
    """Every version on file, as its file says it now: for what reads no row (checks, tools)."""
    return list(_all().values())


def followed() -> list[Procedure]:
    """Every version that a row may follow, as it follows it: those shipped and those kept, on file
    or not. What is kept and cannot be read is left out (`check --database` names it)."""
    keys = [key for key in _all() if not is_own(*key)]
    found: list[Procedure] = []
    for key in (*keys, *sorted(keeping.listed("procedure") - {*keys})):
        try:
            found.append(get(*key))
        except UnreadableProcedure:
            continue
    return found


@register("procedures")
def check_procedures(**_kwargs: object) -> list[CheckMessage]:
    """System check: a procedure that cannot be used stops the start, with its faults."""
    own = settings.PROCEDURES_FOLDER
    if own and not Path(own).is_dir():
        words = f"GUICHET_PROCEDURES names {own}, which is no folder"
        return [Error(words, hint="create it, or unset the variable", id="procedures.E004")]
    paths = files()
    wrong = reading.shadowed(paths, FOLDER)
    for path in paths:
        try:
            load(path)
        except (ProcedureError, FormError) as error:
            wrong.append(str(error))
    return [Error(words, id="procedures.E001") for words in wrong]
