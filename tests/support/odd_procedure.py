"""A procedure deliberately unlike those that are shipped: `tests/procedures/insolite-1.toml`.

Two committees in parallel, one of which hears the applicant, an unfavourable silence, no authority,
rights that an outcome opens, its own form, pieces, codes and words, half of them in English. What
breaks on it names in Python what is law, thus data.
"""

import tomllib
from pathlib import Path

import pytest

from requests_app.procedures import forms, registry
from requests_app.procedures.schema import Procedure
from tests.support import odd_form


FILE = Path(__file__).parents[1] / "procedures" / "insolite-1.toml"
CODE, SILENCE = "insolite", "mutisme"
COMMITTEES = ("cesrees", "comite-citoyen")


def odd_procedure() -> Procedure:
    """The file, checked by the schema."""
    return Procedure.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))


def install(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    """Have the portal know it, beside the others, and its form."""
    form = odd_form.odd_form()
    known = forms._all() | {(form.code, form.version): form}
    monkeypatch.setattr(forms, "_all", lambda: known)
    made = registry.load(FILE)
    procedures = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: procedures)
    return made
