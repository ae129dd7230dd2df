"""A form unlike the one that is shipped, and a procedure that asks it.

`tests/procedures/forms/insolite-1.toml`: every type of question, a table, no data specification,
half of its texts in English. What breaks on it names in Python a section or a question.
"""

from pathlib import Path
from typing import Any

import pytest

from requests_app.procedures import forms, registry
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure


FILE = Path(__file__).parents[1] / "procedures" / "forms" / "insolite-1.toml"
FORM, CODE = "insolite", "sur-formulaire"


def odd_form() -> Form:
    return forms.load(FILE)


def install(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    """Have the portal know the form, and a procedure of the usual course that asks it."""
    form = odd_form()
    known = forms._all() | {(form.code, form.version): form}
    monkeypatch.setattr(forms, "_all", lambda: known)
    usual = registry.get("fr-cnil-standard", 1)
    # Pieces that answers of the usual form ask for have no such answers here.
    pieces = tuple(piece for piece in usual.pieces if piece.rule != "when")
    more: dict[str, Any] = {"code": CODE, "form": form.code, "pieces": pieces}
    made = usual.model_copy(update=more)
    procedures = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: procedures)
    return made


def answers() -> dict[str, Any]:
    """Every answer that the form requires."""
    return {
        "projet": {
            "nom_court": "SOMMEIL",
            "resume": "Le sommeil des soignants.",
            "nature": "observation",
            "donnees_sensibles": ["genetique"],
            "pourquoi_genetique": {"justification": "Un gène est étudié."},
            "suivi": False,
        },
        "moyens": {
            "organisme": {"name": "Hôpital d’essai"},
            "contact": {"name": "Camille Exemple", "function": "cheffe", "email": ""},
            "periode": {"from_day": "2027-01-01", "until_day": "2027-12-31"},
            "mois": 12,
            "cout": "1200.50",
            "sites": [site("Nord", 10), site("Sud", 20)],
        },
        "accord": {"charte": {"undertaking": True, "reason": ""}},
    }


def site(name: str, patients: int | None, **more: Any) -> dict[str, Any]:
    empty = {"ouverture": None, "public": None, "budget": "", "rang": ""}
    return {"nom": name, "patients": patients} | empty | more
