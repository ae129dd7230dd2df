"""Documents say what the code says, and what the code cites can be read in the documents."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from requests_app.workflow.describe import describe
from tests.consistency.facts import ANY, FACTS, codes, said, said_in_python, stated


ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
FOLDERS = "portal|catalog|requests_app|templates|tests|docs|deploy"
PAGE = re.compile(r"(?<![\w<>*])[\w./-]+\.md\b")


def test_the_committed_workflow_page_is_the_present_one() -> None:
    """`make docs` rewrites it: a change of a machine or of a procedure shows in the review."""
    assert (DOCS / "workflow.md").read_text() == describe()


def files(*folders: str, suffixes: Iterable[str] = (".py", ".toml")) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in set(suffixes) and "migrations" not in path.parts[:-1]:
                yield path


def test_every_fact_that_the_code_names_is_stated_with_its_source() -> None:
    facts = stated(FACTS.read_text())
    named = {
        code: str(path.relative_to(ROOT))
        for path in [
            *files("portal", "catalog", "requests_app", "tests"),
            *(one for one in files("docs", suffixes=[".md"]) if one != FACTS),
        ]
        for code in codes(said(path, ANY))
    }
    assert len(named) > 50
    assert {code: where for code, where in named.items() if code not in facts} == {}


def test_each_fact_says_how_strong_it_is_and_where_it_was_read() -> None:
    facts = stated(FACTS.read_text())
    weak = [
        code
        for code, (*statement, source) in facts.items()
        if len(" ".join(statement)) < 7
        or (code[0].isalpha() and not re.match(r"[PGSKRDT](, [RDT])?, \S", source))
    ]
    assert len(facts) > 90
    assert weak == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x = 1  # A12: silence is a favourable opinion", {"A12"}),
        ('"""Verbs of the committee (A11–A14)."""', {"A11", "A12", "A13", "A14"}),
        ('def f():\n    """T8, A33b; see 1.3 step 6."""', {"T8", "A33b", "1.3 step 6"}),
        ('code = "A99"  # noqa: C41, E5', set()),
        ("# E001, HealthDCAT-AP R8, S3, fr-A7", set()),
    ],
)
def test_codes_are_read_where_the_code_speaks(text: str, named: set[str]) -> None:
    assert codes("\n".join(said_in_python(text, ANY))) == named


def test_sources_of_a_procedure_are_read(tmp_path: Path) -> None:
    file = tmp_path / "procedure.toml"
    file.write_text('label = "A97"\nsource = "A98, 1.5"  # T9\n')
    assert codes(said(file, ANY)) == {"A98", "1.5", "T9"}


def test_a_fact_stated_twice_is_seen() -> None:
    with pytest.raises(ValueError, match="A1 is stated twice"):
        stated("| A1 | One thing. | P, law |\n| A1 | Another. | P, law |")


def test_pages_that_the_code_names_are_in_the_repository() -> None:
    names = {path.name for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]}
    lost = [
        f"{path.relative_to(ROOT)}: {page}"
        for path in files("portal", "catalog", "requests_app")
        for page in PAGE.findall(said(path, PAGE))
        if not (ROOT / page).exists() and page not in names
    ]
    assert lost == []


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_files_that_a_guide_names_are_there(name: str) -> None:
    """`<code>` in a name stands for anything."""
    text = (ROOT / name).read_text()
    paths = re.findall(rf"`((?:{FOLDERS})/[\w./<>-]*)`", text)
    assert len(paths) > 4
    assert [one for one in paths if not list(ROOT.glob(re.sub(r"<\w+>", "*", one)))] == []


def test_commands_that_contributors_are_told_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"`make ([a-z-]+)", text))
    assert len(asked) > 5
    assert asked <= targets


def test_what_moved_is_where_the_list_says() -> None:
    """docs/moved.csv: an old path (and symbol) beside the new one; no old path is left behind."""
    with (ROOT / "docs" / "moved.csv").open(encoding="utf-8") as file:
        rows = [(row["old"], row["new"]) for row in csv.DictReader(file)]
    assert len(rows) == len({old for old, _new in rows}) > 300
    for old, new in rows:
        path, _sign, symbol = new.partition(":")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not symbol or re.search(rf"^\s*(class |def |[A-Z]+, )?{symbol}\b", text, re.M), new
        assert ":" in old or not (ROOT / old).exists(), old
