"""The forms known to this portal: every `<code>-<version>.toml` of this folder.

A procedure's file names its form and version, so a request pins its form as it pins its procedure:
files are added, never edited once used.
"""

import tomllib
from functools import cache
from pathlib import Path

from django.core.checks import CheckMessage, Error, register
from pydantic import ValidationError

from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


FOLDER = Path(__file__).resolve().parent


class FormError(ValueError):
    """A form file that cannot be used; the message names the file and every fault."""


class UnknownForm(LookupError):
    """No file for this code and version."""


def load(path: Path) -> Form:
    """Read one file. Raises FormError with one line per fault."""
    try:
        form = Form.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise FormError(f"{path.name}: not TOML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path.name}: {'.'.join(str(step) for step in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise FormError("\n".join(lines)) from error
    if path.name != f"{form.code}-{form.version}.toml":
        raise FormError(
            f"{path.name}: holds {form.code} version {form.version};"
            f" expected name {form.code}-{form.version}.toml"
        )
    return form


@cache
def _all() -> dict[tuple[str, int], Form]:
    forms = (load(path) for path in sorted(FOLDER.glob("*.toml")))
    return {(form.code, form.version): form for form in forms}


def get(code: str, version: int) -> Form:
    """The form that a procedure named. Raises UnknownForm."""
    try:
        return _all()[code, version]
    except KeyError:
        raise UnknownForm(f"no form {code} version {version}") from None


def of(procedure: Procedure) -> Form:
    """The form that a procedure's file names. Raises UnknownForm."""
    return get(procedure.form, procedure.form_version)


def everything() -> list[Form]:
    """Every version on file."""
    return list(_all().values())


@register("procedures")
def check_forms(**_kwargs: object) -> list[CheckMessage]:
    """System check: an unreadable form stops the start, with its faults."""
    found: list[CheckMessage] = []
    for path in sorted(FOLDER.glob("*.toml")):
        try:
            load(path)
        except FormError as error:
            found.append(Error(str(error), id="procedures.E002"))
    return found
