"""Whatever has states has one table of moves and one function that writes them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from portal.common.machine import IllegalMove, Machine, table, transition
from requests_app.provisioning import grant_states
from requests_app.workflow.describe import MACHINES, describe


WRITES = {"create", "update", "get_or_create", "update_or_create"}
# Where a state is written: the function that moves each, and nothing beside it.
MOVERS = {
    "portal/accounts/invitation_moves.py",
    "requests_app/provisioning/extract/moves.py",
    "requests_app/provisioning/moves.py",
    "requests_app/workflow/steps.py",
}
ROOMS = ("requests_app", "portal/accounts")


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.what)
def test_every_pair_of_state_and_move_is_what_the_table_says(machine: Machine) -> None:
    for move in machine.moves.values():
        assert move.public, "somebody asks for each of them: none is entailed by another"
        for state in machine.states:
            if state in move.sources:
                assert machine.target(move.name, state) == (move.target or state)
            else:
                with pytest.raises(IllegalMove):
                    machine.target(move.name, state)
    with pytest.raises(IllegalMove):
        machine.target("no_such_move", machine.first)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.what)
def test_every_table_is_in_the_page_of_states(machine: Machine) -> None:
    page = describe()
    chapter = page.partition(f" {machine.what}\n")[2].partition("\n## ")[0]
    assert all(f"| {name} |" in chapter for name in machine.moves)


def test_a_closed_grant_is_closed_for_good() -> None:
    assert not [m for m in grant_states.MACHINE.moves.values() if "closed" in m.sources]


def test_a_table_that_does_not_hold_is_refused_where_it_is_written() -> None:
    go = transition("go", ("a",), "b", "system")
    assert Machine("thing", ("a", "b"), go).target("go", "a") == "b"
    with pytest.raises(ValueError, match="named twice"):
        table(go, go)
    with pytest.raises(ValueError, match="no such state, or in no move: \\['b'\\]"):
        Machine("thing", ("a",), go)
    with pytest.raises(ValueError, match="no such state, or in no move: \\['c'\\]"):
        Machine("thing", ("a", "b", "c"), go)
    with pytest.raises(ValueError, match="nothing leads to \\['a'\\]"):
        Machine("thing", ("a", "b"), go, first="b")


def _written(tree: ast.AST) -> Iterator[int]:
    """Lines that write an attribute or a column named `state`, outside a class's own body."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Attribute) and part.attr == "state":
                    yield node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {keyword.arg for keyword in node.keywords}
            if node.func.attr in WRITES and "state" in named:
                yield node.lineno


def test_every_state_is_written_by_its_mover_alone() -> None:
    root = Path(settings.BASE_DIR)
    writers = {
        str(path.relative_to(root))
        for room in ROOMS
        for path in (root / room).rglob("*.py")
        if "migrations" not in path.parts
        and list(_written(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert writers == MOVERS
