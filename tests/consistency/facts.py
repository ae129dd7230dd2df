"""Codes of docs/facts.md: those that the code names, and those that the page states."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings


FACTS = Path(settings.BASE_DIR) / "docs" / "facts.md"
# A fact by its code, a range of them, a step of the ordinary route.
CODE = re.compile(r"(?<![\w.-])([AECWTH])([1-9][0-9]?)(b?)(?:–\1([1-9][0-9]?))?(?![\w-])")
STEP = re.compile(r"\b1\.3 step [0-9]+")
ANY = re.compile(rf"{CODE.pattern}|{STEP.pattern}|^source = .*\b1\.5\b", re.MULTILINE)


def said(path: Path, about: re.Pattern[str]) -> str:
    """What a file says of itself: comments and docstrings; of a TOML also its sources."""
    text = path.read_text()
    if not about.search(text):  # most files: parsing them all costs seconds
        return ""
    if path.suffix == ".py":
        return "\n".join(said_in_python(text, about))
    if path.suffix == ".toml":
        return "\n".join(re.findall(r"^source = .*$|#.*$", text, re.MULTILINE))
    return text


def said_in_python(text: str, about: re.Pattern[str]) -> Iterator[str]:
    if any(about.search(rest) for rest in re.findall(r"#.*", text)):  # tokens are slow to make
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield re.sub(r"noqa: ?[A-Z0-9, ]+", "", token.string)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
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
