"""The forms known to this portal: every `<code>-<version>.toml` of this folder.

A procedure's file names its form and version, so a request pins its form as it pins its procedure:
files are added, never edited once used.
"""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from requests_app.procedures import keeping, reading
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


FOLDER = Path(__file__).resolve().parent


class FormError(ValueError):
    """A form file that cannot be used; the message names the file and every fault."""


class UnknownForm(LookupError):
    """No file for this code and version."""


class UnreadableForm(UnknownForm):
    """What is kept for this code and version is no form that this release can read."""


def load(path: Path) -> Form:
    """Read one file. Raises FormError with one line per fault."""
    form, faults = reading.form(path)
    if form is None:
        raise FormError("\n".join(str(fault) for fault in faults))
    return form


def files() -> list[Path]:
    """Those shipped, then a body's own: the folder `forms` in the one of its procedures."""
    own = settings.PROCEDURES_FOLDER
    return [
        *reading.written_in(FOLDER),
        *(reading.written_in(Path(own, "forms")) if own else ()),
    ]


@cache
def _all() -> dict[tuple[str, int], Form]:
    if wrong := reading.shadowed(paths := files(), FOLDER):
        raise FormError("\n".join(wrong))
    return {(form.code, form.version): form for form in map(load, paths)}


@cache
def _own() -> frozenset[str]:
    """Those of a body's own folder: a file is named by its code and version."""
    return frozenset(path.stem for path in files() if path.parent != FOLDER)


def is_own(code: str, version: int) -> bool:
    """Whether a form is a body's, in a folder that somebody may change."""
    return f"{code}-{version}" in _own()


@cache
def _kept(code: str, version: int) -> Form:
    """Raises UnknownForm, which is asked again; what is kept never changes."""
    text = keeping.text_of("form", code, version)
    if text is None:
        raise UnknownForm(f"no form {code} version {version}")
    try:
        return keeping.read(Form, text)
    except ValueError as error:
        raise UnreadableForm(f"form {code} version {version}: {error}") from error


def get(code: str, version: int) -> Form:
    """The form that a procedure named; a body's own as its first request took it. Raises
    UnknownForm, UnreadableForm."""
    found = _all().get((code, version))
    if found is not None and not is_own(code, version):
        return found
    try:
        return _kept(code, version)
    except UnreadableForm:
        raise  # never what the folder says now
    except UnknownForm:
        if found is None:
            raise
        return found


def on_file(procedure: Procedure) -> Form:
    """The form that a procedure's file names, which must be there. Raises UnknownForm."""
    code, version = procedure.form, procedure.form_version
    if (code, version) not in _all():
        raise UnknownForm(f"no form {code} version {version}")
    return _all()[code, version]


def of(procedure: Procedure) -> Form:
    """The form that a procedure's file names. Raises UnknownForm."""
    return get(procedure.form, procedure.form_version)


def everything() -> list[Form]:
    """Every version on file."""
    return list(_all().values())


@register("procedures")
def check_forms(**_kwargs: object) -> list[CheckMessage]:
    """System check: an unreadable form stops the start, with its faults."""
    found: list[CheckMessage] = [
        Error(words, id="procedures.E002") for words in reading.shadowed(files(), FOLDER)
    ]
    for path in files():
        try:
            load(path)
        except FormError as error:
            found.append(Error(str(error), id="procedures.E002"))
    return found
