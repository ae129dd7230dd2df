"""Procedure files: what they say of the law, and what a wrong one is told."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.common.units import parse_period
from requests_app.procedures import reading, registry
from requests_app.procedures.conditions import Condition
from requests_app.procedures.schema import Procedure


FILES = sorted(registry.FOLDER.glob("*.toml"))


def raw(code: str = "fr-cnil-standard") -> dict[str, Any]:
    text = (registry.FOLDER / f"{code}-1.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_loads_and_counts_in_known_units(path: Path) -> None:
    procedure = registry.load(path)
    for stage in procedure.stages:
        if stage.clock is None:
            continue
        for period in (stage.clock.period, stage.clock.urgent_period):
            if period is not None:
                parse_period(period)
        assert stage.clock.source
    assert registry.check_procedures() == []


def test_the_standard_route_says_what_the_decree_says() -> None:
    procedure = registry.get("fr-cnil-standard", 1)
    said = {
        stage.code: (
            stage.clock.period,
            stage.clock.urgent_period,
            stage.clock.extension.by if stage.clock.extension else None,
            stage.clock.start,
            stage.clock.on_expiry.effect,
            stage.clock.pauses,
        )
        for stage in procedure.stages
        if stage.clock and stage.clock.start != "permit_end"
    }
    assert said == {
        "completeness": ("7wd", None, None, "deposit", "escalate", True),
        "holder": ("10d", None, None, "stage", "outcome", False),
        "opinion": ("1m", "15d", "1m", "stage", "outcome", False),
        "answer": ("1m", None, None, "stage", "remind", False),
        "authorisation": ("2m", None, "2m", "receipt", "task", False),
    }
    assert [s.code for s in procedure.stages if s.clock and s.clock.pauses] == ["completeness"]
    assert procedure.grants_on == "convention"


def test_mr_007_has_no_authorisation_and_refuses_what_is_not_express() -> None:
    procedure = registry.get("fr-mr-007", 1)
    codes = [stage.code for stage in procedure.stages]
    assert "authorisation" not in codes
    assert "holder" not in codes
    assert procedure.dataset_kinds == ("main_base",)
    assert {"dpia", "dpo_designation"} <= {p.code for p in procedure.pieces if p.rule == "required"}
    assert "parties.dpo.name" in {one.field for one in procedure.required_fields}
    (requirement,) = procedure.stage("answer").outcome("go").requires
    assert set(requirement.outcomes) == {"favourable", "favourable_with_recommendations"}


def test_pieces_follow_the_facts_of_the_file() -> None:
    procedure = registry.get("fr-cnil-standard", 1)
    plain = {piece.code for piece in procedure.required_pieces({})}
    assert {"protocol", "summary", "cnil_form", "information_letter"} <= plain
    assert not plain & {"dpia", "funders", "interests_lab", "other_opinions"}
    own = {piece.code for piece in procedure.required_pieces({"specification": {"own_data": "x"}})}
    assert "dpia" in own


@pytest.mark.parametrize(
    ("condition", "facts", "holds"),
    [
        ({"fact": "a.b", "filled": True}, {"a": {"b": "x"}}, True),
        ({"fact": "a.b", "filled": True}, {"a": {}}, False),
        ({"fact": "a.b", "filled": False}, {}, True),
        ({"fact": "a.b", "equals": True}, {"a": {"b": True}}, True),
        ({"fact": "k", "among": ["x", "y"]}, {"k": ["y", "z"]}, True),
        ({"fact": "k", "among": ["x"]}, {"k": []}, False),
    ],
)
def test_conditions(condition: dict[str, Any], facts: dict[str, Any], holds: bool) -> None:
    assert Condition.model_validate(condition).holds(facts) is holds


def _stage(data: dict[str, Any], code: str) -> dict[str, Any]:
    return next(stage for stage in data["stages"] if stage["code"] == code)


def _break(name: str, data: dict[str, Any]) -> None:
    match name:
        case "join":
            _stage(data, "holder")["after"] = [{"stage": "convention"}]
        case "join outcome":
            _stage(data, "holder")["after"] = [{"stage": "completeness", "outcomes": ["yes"]}]
        case "grants_on":
            data["grants_on"] = "decision"
        case "expiry":
            _stage(data, "holder")["clock"]["on_expiry"] = {
                "effect": "outcome",
                "outcome": "approved",
            }
        case "period":
            _stage(data, "opinion")["clock"]["period"] = "one month"
        case "pause":
            _stage(data, "opinion")["clock"] |= {"pauses": True, "period": "30d"}
        case "outcome":
            _stage(data, "answer")["outcomes"] = [{"code": "go", "label": "poursuit"}]
        case "task":
            _stage(data, "authorisation")["clock"]["on_expiry"]["task"] = "unknown"
        case "unknown key":
            data["pieces"][0]["colour"] = "red"
        case "twice":
            data["pieces"].append(data["pieces"][0])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("join", "'convention' is not an earlier stage"),
        ("join outcome", "stage 'completeness' has no outcome 'yes'"),
        ("grants_on", "grants_on names 'decision'"),
        ("expiry", "on_expiry names 'approved'"),
        ("period", "stages.2.clock.period"),
        ("pause", "a stage of kind 'opinion' does not pause"),
        ("outcome", "outcomes missing: stop"),
        ("task", "on_expiry names task 'unknown'"),
        ("unknown key", "pieces.0.colour"),
        ("twice", "piece 'protocol' is named twice"),
    ],
)
def test_a_wrong_file_is_told_where_and_what(
    fault: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = raw()
    _break(fault, data)
    monkeypatch.setattr(reading.tomllib, "loads", lambda _text: data)
    path = tmp_path / "fr-cnil-standard-1.toml"
    path.write_text("")
    with pytest.raises(registry.ProcedureError) as error:
        registry.load(path)
    assert words in str(error.value)
    assert "fr-cnil-standard-1.toml" in str(error.value)


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other-1.toml"
    path.write_text((registry.FOLDER / "fr-mr-007-1.toml").read_text(encoding="utf-8"))
    with pytest.raises(registry.ProcedureError, match=r"expected name fr-mr-007-1\.toml"):
        registry.load(path)


def test_validity_is_a_period_of_days() -> None:
    data = raw() | {"valid_from": date(2027, 1, 1), "valid_until": date(2027, 12, 31)}
    procedure = Procedure.model_validate(data)
    assert not procedure.is_valid_on(date(2026, 12, 31))
    assert procedure.is_valid_on(date(2027, 12, 31))
    assert not procedure.is_valid_on(date(2028, 1, 1))


@pytest.mark.django_db
def test_a_pinned_version_that_is_gone_is_a_fault() -> None:
    with pytest.raises(registry.UnknownProcedure):
        registry.get("fr-cnil-standard", 99)


def test_no_text_of_the_procedure_calls_anything_a_decision_or_a_permit() -> None:
    for path in FILES:
        procedure = registry.load(path)
        words = " ".join(
            [f"{stage.label} {stage.expected}" for stage in procedure.stages]
            + [str(o.label) for stage in procedure.stages for o in stage.outcomes]
        ).lower()
        assert "permis" not in words
        assert "décision" not in words


def test_a_field_that_no_file_holds_is_told(tmp_path: Path) -> None:
    text = (registry.FOLDER / "fr-cnil-standard-1.toml").read_text(encoding="utf-8")
    wrong = text.replace('fact = "specification.own_data"', 'fact = "specification.own_dat"')
    wrong = wrong.replace(
        "# --- Pieces", '[[required_fields]]\nfield = "purpose.sumary"\nlabel = "x"\n# --- Pieces'
    )
    path = tmp_path / "fr-cnil-standard-1.toml"
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(registry.ProcedureError, match=r"purpose\.sumary") as told:
        registry.load(path)
    assert "specification.own_dat" in str(told.value)
