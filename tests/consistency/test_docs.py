"""Documents say what the code says, and what the code cites can be read in the documents."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from requests_app.workflow.describe import describe


ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
FOLDERS = "portal|catalog|requests_app|templates|tests|docs|deploy"
FACTS = DOCS / "facts.md"
# A fact by its code, a range of them, a step of the ordinary route.
CODE = re.compile(r"(?<![\w.-])([AECWTH])([1-9][0-9]?)(b?)(?:–\1([1-9][0-9]?))?(?![\w-])")
STEP = re.compile(r"\b1\.3 step [0-9]+")
ANY = re.compile(rf"{CODE.pattern}|{STEP.pattern}|^source = .*\b1\.5\b", re.MULTILINE)
PAGE = re.compile(r"(?<![\w<>*])[\w./-]+\.md\b")


def test_the_committed_workflow_page_is_the_present_one() -> None:
    """`make docs` rewrites it: a change of a machine or of a procedure shows in the review."""
    assert (DOCS / "workflow.md").read_text() == describe()


def said(path: Path, about: re.Pattern[str]) -> str:
    """What a file says of itself: comments and docstrings; of a TOML also its sources."""
    text = path.read_text()
    if not about.search(text):  # most files: parsing them all costs seconds
        return ""
    if path.suffix == ".py":
        return "\n".join(said_in_python(text))
    if path.suffix == ".toml":
        return "\n".join(re.findall(r"^source = .*$|#.*$", text, re.MULTILINE))
    return text


def said_in_python(text: str) -> Iterator[str]:
    if "#" in text:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield re.sub(r"noqa: ?[A-Z0-9, ]+", "", token.string)
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (words := ast.get_docstring(node, clean=False)):
            yield words


def codes(text: str) -> set[str]:
    """Codes of facts that a text names, those inside a range included."""
    found = set(STEP.findall(text))
    for letter, first, suffix, last in CODE.findall(text):
        found |= {f"{letter}{n}" for n in range(int(first), int(last or first) + 1) if not suffix}
        found |= {f"{letter}{first}{suffix}"} if suffix else set()
    return found | ({"1.5"} if re.search(r"^source = .*\b1\.5\b", text, re.MULTILINE) else set())


def stated(text: str) -> dict[str, list[str]]:
    """Code of a fact → the other cells of its row. Raises ValueError for a code stated twice."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and codes(cells[0]) == {cells[0]}:
            if cells[0] in found:
                raise ValueError(f"{cells[0]} is stated twice")
            found[cells[0]] = cells[1:]
        elif heading := re.match(r"### (1\.5) ", line):
            found[heading[1]] = ["a table", "its own"]
    return found


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
    assert codes("\n".join(said_in_python(text))) == named


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
