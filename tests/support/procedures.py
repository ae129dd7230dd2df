"""Files made of a shipped one, changed as a body could write its own."""

import tomllib
from typing import Any

import pytest

from requests_app.procedures import registry
from requests_app.procedures.schema import Procedure


STANDARD, DECLARATION = "fr-cnil-standard", "fr-mr-declaration"


def raw(code: str = STANDARD) -> dict[str, Any]:
    text = (registry.FOLDER / f"{code}-1.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def stage(data: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["stages"] if one["code"] == code)
    return found


def know(monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]) -> Procedure:
    """Have the portal know a file in the place of that of its code; it is checked first."""
    made = Procedure.model_validate(data)
    known = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: known)
    return made
