"""What a file asks for can be done: no bound, count or join that nobody could ever meet."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from requests_app.procedures import questions, reading, registry
from requests_app.procedures.schema import Procedure


CHOICE = {
    "code": "rang",
    "type": "choice",
    "label": "Rang",
    "options": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}],
}


def question(kind: str, **more: Any) -> dict[str, Any]:
    return {"code": "q", "type": kind, "label": "Q", **more}


@pytest.mark.parametrize("kind", ["date", "period"])
@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"earliest": "2026-02-30"}, "day is out of range|day of month"),
        ({"latest": "2026-13-01"}, "month must be in"),
        ({"earliest": "2027-01-02", "latest": "2027-01-01"}, "latest is before earliest"),
        ({"earliest": "today", "latest": "-1y"}, "latest is before earliest"),
        ({"earliest": "5y", "latest": "2y"}, "latest is before earliest"),
    ],
)
def test_a_day_may_be_between_its_bounds(kind: str, bounds: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        questions.read(question(kind, **bounds))
    questions.read(question(kind, earliest="-5y", latest="today"))
    questions.read(question(kind, earliest="2020-02-29", latest="20y"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"min_rows": 4, "max_rows": 3}, "3 at most"),
        ({"min_rows": 3, "unique": ["rang"]}, "2 at most"),
        ({"min_rows": 3, "unique": ["oui"]}, "2 at most"),
        ({"min_rows": 6, "unique": ["n"]}, "5 at most"),
    ],
)
def test_a_table_can_hold_the_rows_that_it_asks_for(more: dict[str, Any], words: str) -> None:
    columns = [
        CHOICE,
        {"code": "oui", "type": "yes_no", "label": "Oui"},
        {"code": "n", "type": "whole_number", "label": "N", "low": 1, "high": 5},
    ]
    with pytest.raises(ValueError, match=words):
        questions.read(question("table", columns=columns, **more))
    questions.read(question("table", columns=columns, min_rows=2, unique=["rang", "oui", "n"]))


def test_an_answer_is_compared_with_one_of_its_type(tmp_path: Path) -> None:
    text = """
code = "comparer"
version = 1
title = "Comparer"
[[sections]]
code = "a"
slug = "a"
label = "A"
[[sections.questions]]
code = "nombre"
type = "whole_number"
label = "Nombre"
[[sections.questions]]
code = "jour"
type = "date"
label = "Jour"
at_least = { field = "a.nombre", missing = "Trop tôt" }
"""
    path = tmp_path / "comparer-1.toml"
    path.write_text(text)
    form, (fault,) = reading.form(path)
    assert form is None
    assert fault.place == "sections.0.questions.1.at_least"
    assert "a.nombre is no answer of type 'date'" in fault.what
    path.write_text(text.replace('"whole_number"', '"date"'))
    assert reading.form(path)[1] == []


def raw() -> dict[str, Any]:
    path = registry.FOLDER / "fr-cnil-standard-1.toml"
    return copy.deepcopy(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("opening", [{"stage": "convention"}, {"stage": "extract", "outcomes": ["confirmed"]}]),
        ("opening", [{"stage": "extract", "outcomes": ["confirmed"]}]),
        ("use", [{"stage": "opening"}]),
    ],
)
def test_what_uses_an_access_waits_for_the_act_that_creates_it(
    kind: str, after: list[dict[str, Any]]
) -> None:
    """A convention that ends otherwise would leave an opening that nothing can end."""
    data = raw()
    next(one for one in data["stages"] if one["kind"] == kind)["after"] = after
    with pytest.raises(
        ValidationError, match=r"waits for the act that creates rights; write .*'signed'"
    ):
        Procedure.model_validate(data)


def test_no_access_ends_in_a_course_that_opens_none() -> None:
    path = registry.FOLDER / "fr-mr-declaration-1.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    clock = {
        "start": "permit_end",
        "on_expiry": {"effect": "escalate"},
        "source": "x",
        "strength": "K",
    }
    data["stages"][-1]["clock"] = clock
    with pytest.raises(ValidationError, match="no access ends in a course that opens none"):
        Procedure.model_validate(data)
