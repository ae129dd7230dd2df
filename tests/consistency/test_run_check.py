"""`make check` plays the tests of what was touched: each room leads to tests that are there."""

from pathlib import PurePosixPath

import pytest

from tests import run_check
from tests.run_check import CONSISTENCY, ELSEWHERE, FOUNDATIONS, PROJECT, chosen, plays


ROOMS = sorted(
    f"{package}/{one.name}"
    for package in ("portal", "catalog", "requests_app", "templates")
    for one in (PROJECT / package).iterdir()
    if one.is_dir() and any(one.rglob("*.*ml")) | any(one.rglob("[a-z]*.py"))
)


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("requests_app/rights/made_up.py", ("tests/requests_app/rights",)),
        ("requests_app/provisioning/worker/made_up.py", ("tests/requests_app/provisioning",)),
        ("requests_app/models/made_up.py", FOUNDATIONS),
        ("requests_app/migrations/0002_made_up.py", FOUNDATIONS),
        ("portal/settings/made_up.py", FOUNDATIONS),
        ("portal/training/sandbox/made_up.py", ("tests/portal/training/sandbox",)),
        ("portal/audit/management/commands/made_up.py", ("tests/portal/audit",)),
        ("portal/made_up.py", ("tests/portal/common",)),
        ("catalog/search/made_up.py", ("tests/catalog/search",)),
        ("catalog/models/made_up.py", ("tests/catalog",)),
        ("catalog/made_up.py", ("tests/catalog",)),
        ("templates/requests_app/draft/made_up.html", ("tests/requests_app/dossier",)),
        ("templates/requests_app/made_up/page.html", ("tests/requests_app/counter",)),
        (
            "tests/requests_app/rights/test_made_up.py",
            ("tests/requests_app/rights/test_made_up.py",),
        ),
        ("tests/requests_app/provisioning/made_up.py", ("tests/requests_app/provisioning",)),
        ("tests/support/made_up.py", FOUNDATIONS),
        ("tests/conftest.py", FOUNDATIONS),
        ("tests/e2e/test_made_up.py", ()),
        ("tests/contracts/test_made_up.py", ()),
        ("tests/consistency/test_made_up.py", ()),
        ("docs/made_up.md", ()),
        ("made_up.toml", ()),
    ],
)
def test_a_changed_file_calls_for_the_tests_of_its_room(path: str, tests: tuple[str, ...]) -> None:
    assert plays(path) == tests


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_leads_to_tests_that_are_there(room: str) -> None:
    called = plays(f"{room}/made_up.py")
    assert called or room.endswith("/static")
    assert [one for one in called if not (PROJECT / one).exists()] == []


def test_no_line_of_the_list_speaks_of_what_is_gone() -> None:
    named = {*ELSEWHERE, *FOUNDATIONS, *(test for tests in ELSEWHERE.values() for test in tests)}
    assert [one for one in sorted(named) if not (PROJECT / one).exists()] == []


def test_consistency_is_always_played_and_nothing_twice_nor_what_was_deleted() -> None:
    folder = "tests/requests_app/rights"
    paths = [f"{folder}/test_duties.py", f"{folder}/test_gone.py", "requests_app/rights/duties.py"]
    assert chosen([]) == [CONSISTENCY]
    assert chosen(paths[:2]) == [CONSISTENCY, paths[0]]
    assert chosen(paths) == [CONSISTENCY, folder]


def test_what_no_check_plays_is_played_by_the_whole() -> None:
    apart = {PurePosixPath(one) for one in run_check.APART}
    assert not apart & {PurePosixPath(one) for one in ROOMS}
    assert PurePosixPath(CONSISTENCY) not in apart
