"""`docs/adding.md` is true: what is there has the files that its list says, and no other."""

import re
from collections.abc import Iterable
from functools import cache

import pytest

from portal.common.units import UNITS
from portal.notifications.base import _notices
from requests_app.procedures.forms import everything as all_forms
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.questions import TYPES
from requests_app.procedures.registry import everything as all_procedures
from tests.consistency.names import ROOMS, TOP


TEXT = (TOP / "docs" / "adding.md").read_text()
PRODUCT = (*ROOMS, "templates")


@cache
def lists() -> dict[str, list[tuple[str, bool]]]:
    """By section: the paths in code marks of its lines, and whether each is always written."""
    found = {}
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        paths = []
        for path in re.finditer(r"`([\w./<>-]+/[\w./<>-]*)`", body):
            before = body[: path.start()]
            paths.append((path[1], before.count("[") == before.count("]")))
        found[title] = paths
    return found


def of(section: str, **words: str) -> tuple[set[str], set[str]]:
    """Paths of one thing: those always written, and all."""
    made = [(_filled(path, words), always) for path, always in lists()[section]]
    return {path for path, always in made if always}, {path for path, _always in made}


def _filled(path: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        path = path.replace(f"<{name}>", word)
    return path


def named(word: str) -> set[str]:
    """Files of the product that bear a name."""
    return {
        path.relative_to(TOP).as_posix()
        for room in PRODUCT
        for path in (TOP / room).rglob("*")
        if path.is_file() and path.stem == word and path.suffix in {".py", ".html", ".toml"}
    }


def lacking(paths: Iterable[str]) -> list[str]:
    return sorted(path for path in paths if not (TOP / path).exists())


def test_every_list_is_here() -> None:
    titles = [title.removeprefix("A ") for title in lists()]
    assert titles == [
        *["procedure", "form", "type of question", "kind of stage", "verb", "unit of a clock"],
        *["message", "page", "provider", "search field"],
    ]
    assert all(lists().values())


def test_each_place_named_in_full_is_there() -> None:
    plain = {path for paths in lists().values() for path, _always in paths if "<" not in path}
    assert len(plain) > 8
    assert lacking(plain) == []
    # and the folder of each that is named by a pattern
    patterns = {path for paths in lists().values() for path, _always in paths if "<" in path}
    assert lacking({path.split("<")[0].rpartition("/")[0] for path in patterns}) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_stage(kind: str) -> None:
    always, possible = of("A kind of stage", kind=kind)
    assert lacking(always) == []
    # `register` is also a room, `extract` a page: those are no part of the kind
    others = {path for path in named(kind) if "/kinds/" in path or "/forms/acts/" in path}
    assert others <= possible


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_of_question(name: str) -> None:
    always, possible = of("A type of question", type=name)
    assert lacking(always) == []
    assert {path for path in named(name) if "questions" in path} <= possible


def test_procedures_and_forms() -> None:
    for procedure in all_procedures():
        words = {"code": procedure.code, "version": str(procedure.version)}
        assert lacking(of("A procedure", **words)[0]) == []
        assert f"`{procedure.code}`" in (TOP / "docs" / "workflow.md").read_text()
    for form in all_forms():
        assert lacking(of("A form", code=form.code, version=str(form.version))[0]) == []
    # nothing else names one: their words are data
    codes = {procedure.code for procedure in all_procedures()} | {form.code for form in all_forms()}
    sources = [path for room in ROOMS for path in (TOP / room).rglob("*.py")]
    telling = {
        path.relative_to(TOP).as_posix()
        for path in sources
        if any(f'"{code}"' in path.read_text() for code in codes)
    }
    assert {path for path in telling if not path.startswith("portal/training/")} == set()


def test_messages_have_their_template() -> None:
    ours = [one for one in _notices.values() if one.__module__.startswith(ROOMS)]
    assert len(ours) > 30
    own = [one for one in ours if one.template == f"email/{one.code.replace('.', '_')}.txt"]
    assert len(own) == len(ours)
    assert lacking(f"templates/{one.template}" for one in ours) == []


def test_units_are_spelled_in_two_places() -> None:
    words = (TOP / "requests_app/procedures/words.py").read_text()
    assert all(f'"{unit}":' in words for unit in UNITS)
    pattern = re.compile(r"""["'|(]wd["'|)]""")  # the one that is no common word
    spelled = {
        path.relative_to(TOP).as_posix()
        for room in ROOMS
        for path in (TOP / room).rglob("*.py")
        if pattern.search(path.read_text())
    }
    assert spelled == {"portal/common/units.py", "requests_app/procedures/words.py"}


def test_a_provider() -> None:
    folder = TOP / "requests_app" / "provisioning" / "providers"
    providers = [path.parent.name for path in folder.glob("*/shape.py")]
    assert providers
    for provider in providers:
        assert lacking(of("A provider", provider=provider)[0]) == []
