"""A third procedure, valid and deliberately unlike the two that are shipped.

Every code that a file may choose is another one (stages, pieces, tasks, headings, outcomes that no
verb writes), silence is an unfavourable opinion, clocks count otherwise. What breaks on it names in
Python what is law, thus data.
"""

import tomllib
from typing import Any

import pytest

from requests_app.procedures import registry
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.schema import Procedure


CODE, SILENCE = "insolite", "mutisme"


def _raw() -> dict[str, Any]:
    path = registry.FOLDER / "fr-cnil-standard-1.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _renamed(value: Any, names: dict[str, str], keys: frozenset[str]) -> Any:
    """The same with other codes, where a code stands."""
    if isinstance(value, dict):
        return {
            key: names.get(one, one)
            if key in keys and isinstance(one, str)
            else [names.get(code, code) for code in one]
            if key == "outcomes" and all(isinstance(code, str) for code in one)
            else _renamed(one, names, keys)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, names, keys) for one in value]
    return value


def odd_procedure() -> Procedure:
    """The file, checked by the schema."""
    raw = _raw()
    written = {code for kind in KINDS.values() for code in kind.outcomes}
    codes = [stage["code"] for stage in raw["stages"]] + [task["code"] for task in raw["tasks"]]
    codes += [one["code"] for stage in raw["stages"] for one in stage.get("headings", [])]
    codes += [piece["code"] for piece in raw["pieces"]]
    names = {code: f"insolite_{number}" for number, code in enumerate(dict.fromkeys(codes))}
    stages = {"code", "stage", "blocks", "grants_on", "task"}
    raw = _renamed(raw, names, frozenset(stages))
    # Outcomes share the key `code`: those that verbs write keep theirs, the clock's own change.
    for place in [*raw["stages"], *raw["tasks"]]:
        for outcome in place["outcomes"]:
            back = {new: old for old, new in names.items()}
            outcome["code"] = back.get(outcome["code"], outcome["code"])
    text = _renamed(raw, {"tacit_favourable": SILENCE}, frozenset({"code", "outcome"}))
    for stage in text["stages"]:
        for outcome in stage["outcomes"]:
            if outcome["code"] == SILENCE:
                outcome |= {"label": "avis réputé défavorable, faute de réponse"}
                outcome |= {"effect": "unfavourable", "word": "tacite défavorable"}
                outcome.pop("deemed")
        if stage["kind"] == "opinion":
            stage["clock"] |= {"period": "3w"}
            stage["clock"].pop("urgent_period", None)
            stage["clock"].pop("extension", None)
    _hear(text["stages"])
    assert written & {one["code"] for stage in text["stages"] for one in stage["outcomes"]}
    text |= {"code": CODE, "version": 1, "title": "Procédure insolite", "short_title": "Insolite"}
    return Procedure.model_validate(text)


def _hear(stages: list[dict[str, Any]]) -> None:
    """The committee hears the applicant before its opinion."""
    place = next(n for n, stage in enumerate(stages) if stage["kind"] == "opinion")
    heard = {
        "code": "insolite_audience",
        "kind": "audition",
        "label": "Audience du demandeur",
        "expected": "Entendre le demandeur",
        "role": "president",
        "after": [{"stage": stages[0]["code"], "outcomes": ["complete"]}],
        "notice": "15d",
        "reminder": "2d",
        "outcomes": [
            {"code": "heard", "label": "demandeur entendu"},
            {"code": "absent", "label": "demandeur absent"},
        ],
        "clock": {
            "start": "stage",
            "period": "20d",
            "on_expiry": {"effect": "escalate"},
            "source": "aucune : procédure d’essai",
            "strength": "K",
        },
    }
    stages[place]["after"] = [*stages[place]["after"], {"stage": heard["code"]}]
    stages.insert(place, heard)


def install(monkeypatch: pytest.MonkeyPatch) -> Procedure:
    """Have the portal know it, beside the others."""
    made = odd_procedure()
    known = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: known)
    return made
