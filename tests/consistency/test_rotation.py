"""What a commit leaves out, another plays: over as many commits as there are shares, everything."""

import pytest

from tests.support import rotation


MATRIX = [f"case {number}" for number in range(37)]


@pytest.fixture(autouse=True)
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUICHET_DEEP", raising=False)


def at_turn(monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    monkeypatch.setattr(rotation, "_turn", lambda: turn)


@pytest.mark.parametrize("of", [4, 8])
def test_every_case_is_played_by_one_commit_in_so_many(
    monkeypatch: pytest.MonkeyPatch, of: int
) -> None:
    shared: list[str] = []
    fallen: list[str] = []
    for turn in range(of):
        at_turn(monkeypatch, turn)
        shared += rotation.share(MATRIX, of)
        fallen += [case for case in MATRIX if rotation.falls(case, of)]
    assert sorted(shared) == sorted(fallen) == sorted(MATRIX)


def test_the_first_and_the_last_are_played_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    played: set[str] = set()
    for turn in range(8):
        at_turn(monkeypatch, turn)
        found = rotation.among(MATRIX)
        assert (found[0], found[-1]) == (MATRIX[0], MATRIX[-1])
        assert len(found) <= 2 + 5
        played |= {*found}
    assert played == {*MATRIX}
    for short in ([], MATRIX[:1], MATRIX[:2]):
        assert rotation.among(short) == short


def test_deep_plays_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUICHET_DEEP", "1")
    assert rotation.share(MATRIX) == rotation.among(MATRIX) == MATRIX
    assert all(rotation.falls(case) for case in MATRIX)
