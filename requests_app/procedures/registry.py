"""The procedures known to this portal: every `<code>-<version>.toml` beside this module.

A request pins code and version, so files are added and given an end, never edited once used.
"""

import tomllib
from collections.abc import Collection
from datetime import date
from functools import cache
from pathlib import Path

from django.core.checks import CheckMessage, Error, register
from django.utils.translation import get_language
from pydantic import ValidationError

from portal.common.calendar import legal_today

from . import forms
from .cases import CaseType
from .form import OTHER_FACTS, Form
from .kinds import KINDS
from .schema import Procedure
from .texts import Text


FOLDER = Path(__file__).resolve().parent
Text.reader = staticmethod(get_language)


class ProcedureError(ValueError):
    """A procedure file that cannot be used; the message names the file and every fault."""


class UnknownProcedure(LookupError):
    """No file for this code and version."""


def load(path: Path) -> Procedure:
    """Read one file. Raises ProcedureError with one line per fault."""
    try:
        procedure = Procedure.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ProcedureError(f"{path.name}: not TOML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path.name}: {_place(fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise ProcedureError("\n".join(lines)) from error
    if path.name != f"{procedure.code}-{procedure.version}.toml":
        raise ProcedureError(
            f"{path.name}: holds {procedure.code} version {procedure.version};"
            f" expected name {procedure.code}-{procedure.version}.toml"
        )
    try:
        form = forms.of(procedure)
    except forms.UnknownForm as error:
        raise ProcedureError(f"{path.name}: {error}") from error
    if unknown := _unknown_names(procedure, form):
        raise ProcedureError(
            f"{path.name}: not in the form {form.code}: {', '.join(sorted(unknown))}"
        )
    return procedure


def _place(steps: tuple[int | str, ...]) -> str:
    """Where in the file: `stages.3.clock.period`, without the kind that pydantic names there."""
    if steps[:1] == ("stages",) and len(steps) > 2 and steps[2] in KINDS:
        steps = (*steps[:2], *steps[3:])
    return ".".join(str(step) for step in steps)


def _unknown_names(procedure: Procedure, form: Form) -> set[str]:
    """Fields and facts that no file of the form holds: a typing fault would ask for them for
    ever."""
    whens = [one.when for one in procedure.required_fields] + [one.when for one in procedure.pieces]
    facts = {condition.fact for when in whens for condition in when}
    paths = {one.field for one in procedure.required_fields}
    paths |= {fact for fact in facts if fact.partition(".")[0] not in OTHER_FACTS}
    return {path for path in paths if not form.holds(path)}


@cache
def _all() -> dict[tuple[str, int], Procedure]:
    procedures = (load(path) for path in sorted(FOLDER.glob("*.toml")))
    return {(p.code, p.version): p for p in procedures}


def get(code: str, version: int) -> Procedure:
    """The procedure that a request pinned. Raises UnknownProcedure."""
    try:
        return _all()[code, version]
    except KeyError:
        raise UnknownProcedure(f"no procedure {code} version {version}") from None


def current(
    code: str | None = None,
    *,
    on: date | None = None,
    types: Collection[CaseType] = frozenset(CaseType),
) -> list[Procedure]:
    """Procedures that a new case of these types may use on a Paris day (today): latest valid
    version of each code."""
    day = on or legal_today()
    latest: dict[str, Procedure] = {}
    for procedure in _all().values():
        if procedure.is_valid_on(day) and code in {None, procedure.code}:
            known = latest.get(procedure.code)
            if known is None or known.version < procedure.version:
                latest[procedure.code] = procedure
    return [latest[key] for key in sorted(latest) if latest[key].type in types]


def everything() -> list[Procedure]:
    """Every version on file."""
    return list(_all().values())


@register("procedures")
def check_procedures(**_kwargs: object) -> list[CheckMessage]:
    """System check: an unreadable procedure stops the start, with its faults."""
    found: list[CheckMessage] = []
    for path in sorted(FOLDER.glob("*.toml")):
        try:
            load(path)
        except ProcedureError as error:
            found.append(Error(str(error), id="procedures.E001"))
    return found
