"""What others hold by its name keeps it: see `frozen.json`, one name a line.

Queues, rows, browsers, scripts and bookmarks know these names; a move changes none. A new name is a
new line. A name that goes leaves its line for one in `gone` that says why:
`{"name": "cookies: session basket", "why": "…", "date": "2026-12-01"}`. Never written by a program:
`python -m tests.consistency.names` shows what is found, the hand copies the line that is meant.
"""

import json
import re
import shutil
import subprocess
from datetime import date
from typing import Any

import pytest

from tests.consistency import names


Sections = dict[str, list[str]]
HELD: dict[str, Any] = json.loads(names.FILE.read_text())
VERSIONS = 40  # of the file, looked at behind the present one


def flat(sections: Sections) -> set[str]:
    return {f"{section}: {name}" for section, held in sections.items() for name in held}


def changes(held: Sections, found: Sections) -> list[str]:
    """Lines gone and come, in the form of a difference."""
    before, now = flat(held), flat(found)
    return sorted([f"- {name}" for name in before - now] + [f"+ {name}" for name in now - before])


def without_reason(before: Sections, now: dict[str, Any]) -> list[str]:
    """Names that left the file and have no line in `gone`."""
    told = {one["name"] for one in now["gone"]}
    return sorted(flat(before) - flat(now["names"]) - told)


def earlier() -> list[Sections]:
    """The names in earlier versions of the file, when its history is there."""
    git, place = shutil.which("git"), names.FILE.relative_to(names.TOP).as_posix()
    if git is None or not (names.TOP / ".git").exists():
        return []

    def run(*words: str, give: str = "") -> str:
        command = [git, "-C", str(names.TOP), *words]
        done = subprocess.run(command, input=give, capture_output=True, text=True, check=False)
        return done.stdout

    commits = run("log", f"-{VERSIONS}", "--format=%H", "--", place).split()
    texts = run(
        "cat-file", "--batch=%(objecttype)", give="\n".join(f"{c}:{place}" for c in commits)
    )
    return [json.loads(text)["names"] for text in re.split(r"^blob$", texts, flags=re.M)[1:]]


def test_no_name_that_others_hold_has_changed() -> None:
    lines = changes(HELD["names"], names.found())
    note = (
        "a name that others hold came or went: tests/consistency/frozen.json changes line by line"
    )
    if lines:
        pytest.fail("\n".join([note, *lines]), pytrace=False)


def test_no_name_has_left_the_file_without_its_reason() -> None:
    for before in earlier():
        assert without_reason(before, HELD) == []


def test_each_name_that_is_gone_is_gone_with_its_reason() -> None:
    for one in HELD["gone"]:
        assert set(one) == {"name", "why", "date"}
        assert len(one["why"].split()) > 3, one
        date.fromisoformat(one["date"])
        assert one["name"] not in flat(HELD["names"]), one


def test_the_file_is_sorted_with_one_name_a_line() -> None:
    assert names.FILE.read_text() == json.dumps(HELD, indent=1, ensure_ascii=False) + "\n"
    sections = HELD["names"]
    assert list(sections) == sorted(sections)
    for held in sections.values():
        assert held == sorted(set(held))


def test_a_name_that_changes_is_told_and_wants_a_reason() -> None:
    before = {"cookies": ["session basket", "session orientation"], "verbs": ["sign"]}
    now = {"cookies": ["session orientation", "session panier"], "verbs": ["sign"]}
    assert changes(before, now) == ["+ cookies: session panier", "- cookies: session basket"]
    assert without_reason(before, {"names": now, "gone": []}) == ["cookies: session basket"]
    gone = [{"name": "cookies: session basket", "why": "one language in names", "date": ""}]
    assert without_reason(before, {"names": now, "gone": gone}) == []


@pytest.mark.parametrize("section", sorted(names.FINDERS))
def test_each_finder_finds_something(section: str) -> None:
    """One that looks for what is no longer written so would find nothing, and agree."""
    assert HELD["names"][section]
