"""Each line of docs/requirements says where it comes from and names tests that pytest collects."""

import ast
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

from tests.consistency.facts import FACTS, stated


ROOT = Path(settings.BASE_DIR)
FOLDER = ROOT / "docs" / "requirements"
KEYS = {"id", "line", "level", "source", "tests", "command"}
Line = dict[str, Any]


def lines() -> list[tuple[str, Line]]:
    """Area and line, file by file."""
    return [
        (path.stem, line)
        for path in sorted(FOLDER.glob("*.toml"))
        for line in tomllib.loads(path.read_text())["lines"]
    ]


def collected(source: str) -> set[str]:
    """Tests of a module as pytest names them, without parameters: `function`, `Class::method`."""
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef) and is_collected(node):
            found |= {
                f"{node.name}::{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef) and one.name.startswith("test")
            }
    return found


def is_collected(node: ast.ClassDef) -> bool:
    """By its name, or as a `TestCase` of any name."""
    bases = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
    return node.name.startswith("Test") or any(base.endswith("TestCase") for base in bases)


def collects(test: str, modules: dict[str, set[str]]) -> bool:
    file, _sign, name = test.partition("::")
    path = ROOT / file
    if not (file.startswith("tests/") and path.name.startswith("test_") and path.is_file()):
        return False
    if file not in modules:
        modules[file] = collected(path.read_text())
    return name in modules[file]


def commands() -> set[str]:
    """What a person may type: targets of the Makefile, commands of manage.py."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ours = {"portal", "catalog", "requests_app"}
    names = [name for name, app in get_commands().items() if app.split(".")[0] in ours]
    return {f"make {one}" for one in targets} | {f"manage.py {one}" for one in names}


def problems(
    found: list[tuple[str, Line]], sources: Collection[str], known: Collection[str]
) -> Iterator[str]:
    modules: dict[str, set[str]] = {}
    seen: set[str] = set()
    for area, line in found:
        name = str(line.get("id"))
        if not re.fullmatch(rf"{area}-[0-9]{{2}}", name):
            yield f"{name}: no id of {area}"
        if name in seen:
            yield f"{name}: given twice"
        seen.add(name)
        if extra := sorted(line.keys() - KEYS):
            yield f"{name}: unknown {', '.join(extra)}"
        if not re.fullmatch(r"[A-Z]\S* .+\.", str(line.get("line", ""))):
            yield f"{name}: no sentence"
        if line.get("level") not in {"MUST", "SHOULD"}:
            yield f"{name}: neither MUST nor SHOULD"
        for source in str(line.get("source", "")).split(", "):
            if source not in sources:
                yield f"{name}: no source {source!r}"
        if line.get("level") == "MUST" and not line.get("tests") and not line.get("command"):
            yield f"{name}: nothing shows it"
        for test in line.get("tests", []):
            if not collects(test, modules):
                yield f"{name}: not collected, {test}"
        if "command" in line and line["command"] not in known:
            yield f"{name}: no command {line['command']!r}"


def sources() -> set[str]:
    decisions = {f"ADR {page.name[:4]}" for page in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    return {"design", *stated(FACTS.read_text()), *decisions}


def test_every_line_has_its_source_and_what_shows_it() -> None:
    found = lines()
    assert {area for area, _line in found} >= {
        "journey", "rights", "audit", "clocks", "provisioning",
    }  # fmt: skip
    assert len(found) > 90
    assert list(problems(found, sources(), commands())) == []


def test_each_area_is_on_the_page_that_explains() -> None:
    page = (FOLDER / "README.md").read_text()
    assert [p.name for p in FOLDER.glob("*.toml") if f"]({p.name})" not in page] == []


HERE = "tests/consistency/test_requirements.py"
GOOD = {
    "id": "rights-01",
    "line": "A line that holds is shown.",
    "level": "MUST",
    "source": "A12, ADR 0003",
    "tests": [f"{HERE}::test_each_area_is_on_the_page_that_explains"],
    "command": "manage.py audit_verify",
}


def told(*found: Line) -> list[str]:
    return list(problems([("rights", GOOD | line) for line in found], sources(), commands()))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"tests": []}, None),
        ({"source": "design"}, None),
        ({"id": "audit-01"}, "audit-01: no id of rights"),
        ({"id": "rights-1"}, "rights-1: no id of rights"),
        ({"test": []}, "rights-01: unknown test"),
        ({"line": "Short"}, "rights-01: no sentence"),
        ({"level": "MAY"}, "rights-01: neither MUST nor SHOULD"),
        ({"source": "A12, A99"}, "rights-01: no source 'A99'"),
        ({"source": "ADR 9999"}, "rights-01: no source 'ADR 9999'"),
        ({"source": ""}, "rights-01: no source ''"),
        ({"tests": [f"{HERE}::test_gone"]}, f"rights-01: not collected, {HERE}::test_gone"),
        ({"tests": [f"{HERE}::told"]}, f"rights-01: not collected, {HERE}::told"),
        ({"tests": ["tests/gone.py::test_a"]}, "rights-01: not collected, tests/gone.py::test_a"),
        ({"command": "make gone"}, "rights-01: no command 'make gone'"),
        ({"command": "manage.py gone"}, "rights-01: no command 'manage.py gone'"),
    ],
)
def test_a_line_that_breaks_a_rule_is_told(change: Line, problem: str | None) -> None:
    assert told(change) == ([problem] if problem else [])


def test_a_line_that_nothing_shows_or_whose_number_was_given_is_told() -> None:
    bare = {key: value for key, value in GOOD.items() if key not in {"tests", "command"}}
    assert list(problems([("rights", bare)], sources(), commands())) == [
        "rights-01: nothing shows it"
    ]
    assert list(problems([("rights", bare | {"level": "SHOULD"})], sources(), commands())) == []
    assert told({}, {}) == ["rights-01: given twice"]


def test_tests_are_read_as_pytest_collects_them() -> None:
    source = """
def test_a(): ...
def helper(): ...
class TestB:
    def test_c(self): ...
    def other(self): ...
class Walk(django.test.TestCase):
    def test_d(self): ...
class Plain:
    def test_e(self): ...
def outer():
    def test_f(): ...
"""
    assert collected(source) == {"test_a", "TestB::test_c", "Walk::test_d"}
