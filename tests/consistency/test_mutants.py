"""The mutants are of this code: each line is there once, and each test that kills it exists.

Whether they are killed is played by `make deep` (tests/mutants/run.py).
"""

import ast
from collections import Counter
from functools import cache

import pytest

from tests.mutants.mutants import ROOT, Mutant, NotThere, load


MUTANTS = load()


@cache
def named(path: str) -> frozenset[str]:
    """`test_x` and `Class::test_x` of a test file."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
            found |= {f"{node.name}::{one.name}" for one in methods}
    return frozenset(found)


@cache
def written(path: str) -> tuple[str, str]:
    """The text of a file, and the program it is."""
    source = (ROOT / path).read_text(encoding="utf-8")
    return source, ast.dump(ast.parse(source))


def test_each_line_is_there_once_and_what_it_becomes_is_another_program() -> None:
    for one in MUTANTS:
        source, program = written(one.file)
        assert ast.dump(ast.parse(one.applied(source))) != program, one.name


def test_each_names_the_test_that_kills_it_among_those_of_its_room() -> None:
    for one in MUTANTS:
        file, _, test = one.killed_by.partition("::")
        assert file in one.tests, one.name
        assert test.partition("[")[0] in named(file), one.killed_by
        assert len(one.tests) <= 3, one.name
        assert all((ROOT / path).is_file() for path in one.tests), one.name


def test_each_says_what_it_would_mean_in_one_sentence() -> None:
    for one in MUTANTS:
        assert one.means.endswith("."), one.name
        assert len(one.means) < 120, one.name
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)


def test_every_area_has_its_own() -> None:
    areas = Counter(one.area for one in MUTANTS)
    assert set(areas) >= {"rights", "engine", "plan", "deadlines", "audit"}
    assert min(areas.values()) >= 6
    assert sum(areas.values()) >= 40


def test_a_line_that_is_not_there_once_is_said() -> None:
    def mutant(line: str, within: str = "") -> Mutant:
        return Mutant("area", "name", "", "file.py", line, "pass", (), "", within)

    source = "def one():\n    return 1\n\n\ndef two():\n    return 1\n"
    assert mutant("return 1", "two").applied(source).endswith("def two():\n    pass\n")
    for wrong in (mutant("return 1"), mutant("return 2"), mutant("return 1", "three")):
        with pytest.raises(NotThere, match="area/name"):
            wrong.applied(source)
