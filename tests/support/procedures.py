"""The procedures that tests sweep, and files made of a shipped one as a body could write its own.

A stranger's file is swept like the others without a line of Python: drop `<code>-<version>.toml` in
`tests/procedures/` and its form, where it has its own, in `tests/procedures/forms/`; or name their
folder, `GUICHET_PROCEDURES=…`. Every sweep reads `EVERY`: the walk, state × move, who may do what,
each page of each state for each reader, inboxes, mails, documents, the register.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from requests_app.procedures import forms, registry
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


FOLDER = Path(__file__).parents[1] / "procedures"
_FILES = {path.stem: path for path in (*registry.files(), *sorted(FOLDER.glob("*.toml")))}
# `<code>-<version>` of each. A test that names one of them sweeps no other.
EVERY = tuple(_FILES)
STANDARD, DECLARATION = "fr-cnil-standard", "fr-mr-declaration"


def install(monkeypatch: pytest.MonkeyPatch, name: str) -> Procedure:
    """Have the portal know one of `EVERY`, beside those that are shipped, with its form. Raises
    ProcedureError or FormError with the faults of its file."""
    if (known := _shipped(name)) is not None:
        return known
    _know_form(monkeypatch, name)
    return _know(monkeypatch, _read(name))


def _shipped(name: str) -> Procedure | None:
    return next((one for one in registry.everything() if f"{one.code}-{one.version}" == name), None)


def _know_form(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    data = tomllib.loads(_FILES[name].read_text(encoding="utf-8"))
    path = FOLDER / "forms" / f"{data.get('form')}-{data.get('form_version', 1)}.toml"
    if path.is_file():
        form = _form(path)
        known = forms._all() | {(form.code, form.version): form}
        monkeypatch.setattr(forms, "_all", lambda: known)


@cache
def _form(path: Path) -> Form:
    return forms.load(path)


@cache
def _read(name: str) -> Procedure:
    return registry.load(_FILES[name])


def raw(code: str = STANDARD) -> dict[str, Any]:
    text = (registry.FOLDER / f"{code}-1.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def stage(data: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["stages"] if one["code"] == code)
    return found


def know(monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]) -> Procedure:
    """Have the portal know a file in the place of that of its code; it is checked first."""
    return _know(monkeypatch, Procedure.model_validate(data))


def _know(monkeypatch: pytest.MonkeyPatch, made: Procedure) -> Procedure:
    known = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: known)
    return made
