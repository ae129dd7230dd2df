"""Imports between modules: no circle anywhere, and none inside a function without its reason.

import-linter holds the floors (pyproject.toml); this holds what it does not see: circles between
the modules of one room, counted with imports inside functions and those for type checkers alone.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from django.conf import settings


ROOT = Path(settings.BASE_DIR)
ROOMS = ("portal", "catalog", "requests_app")


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Groups of modules that each lead to all others of their group (Tarjan, SIAM 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        open_.append(module)
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            if other not in number:
                visit(other)
            if other in open_:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            group = open_[open_.index(module) :]
            del open_[open_.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(graph.modules):
        if module not in number:
            visit(module)
    return found


def graph_of(monkeypatch: pytest.MonkeyPatch, folder: Path, *rooms: str) -> grimp.ImportGraph:
    monkeypatch.syspath_prepend(str(folder))
    first, *others = rooms
    return grimp.build_graph(first, *others, cache_dir=None)


def test_no_module_leads_back_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(monkeypatch, ROOT, *ROOMS)
    assert len(graph.modules) > 400
    assert circles(graph) == []


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("at the top", "from circled.other import x"),
        ("in a function", "def f():\n    from circled.other import x"),
        (
            "for types",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from circled.other import x",
        ),
    ],
)
def test_a_circle_is_seen(
    way: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "circled"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "one.py").write_text(text)
    (room / "other.py").write_text("from circled import third\nx = 1")
    (room / "third.py").write_text("import circled.one")
    graph = graph_of(monkeypatch, tmp_path, "circled")
    assert circles(graph) == [["circled.one", "circled.other", "circled.third"]]


def unexplained(source: str) -> Iterator[int]:
    """Lines of imports inside functions, first of their run, without a comment on or above them."""
    if not re.search(r"^ +(import|from) ", source, re.MULTILINE):
        return  # most modules
    lines = source.splitlines()
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for holder in ast.walk(function):
            for _name, block in ast.iter_fields(holder):
                if not isinstance(block, list):
                    continue
                run = False  # the statement before was an import too: one reason for both
                for statement in block:
                    is_import = isinstance(statement, ast.Import | ast.ImportFrom)
                    if is_import and not run:
                        around = lines[statement.lineno - 1 : statement.end_lineno]
                        above = lines[statement.lineno - 2].strip()
                        if not above.startswith("#") and not any(_reason(one) for one in around):
                            yield statement.lineno
                    run = is_import


def _reason(line: str) -> bool:
    _code, _sign, comment = line.partition("#")
    said = re.sub(r"noqa(: *[A-Z0-9, ]+)?|type: ignore(\[[^]]*\])?|#", "", comment)
    return bool(said.strip(" -"))


def test_imports_inside_functions_say_why() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
        for line in unexplained(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f():\n    import a", [2]),
        ("def f():\n    if 1:\n        from a import b  # noqa: F401\n", [3]),
        ("def f():\n    import a  # large\n    import b\n    x = 1\n    import c", [5]),
        ("def f():\n    # large\n    from a import (\n        b,\n    )", []),
        ("def f():\n    import a  # type: ignore[x]  # noqa: E402, F401", [2]),
        ("import a\nclass C:\n    import b", []),
    ],
)
def test_an_import_without_its_reason_is_seen(source: str, lines: list[int]) -> None:
    assert sorted(set(unexplained(source))) == lines
