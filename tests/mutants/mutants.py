"""One-line faults put into the product on purpose, as `*.toml` beside this module name them.

[name]
means = "…"         what it would mean for a user
file = "…"          of the repository
line = "…"          as written there, without its indentation; once in the file, or in `within`
within = "…"        the function that holds it, where the file has the line twice
becomes = "…"       what stands there instead; empty: nothing does
tests = […]         files of its room, at most three
killed_by = "…"     the test seen to fail with it
fresh_database = true   where the fault is in what a migration writes
"""

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path


HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class NotThere(LookupError):
    """The line of a mutant is not once where its entry says: the entry follows the code."""


@dataclass(frozen=True, slots=True)
class Mutant:
    area: str
    name: str
    means: str
    file: str
    line: str
    becomes: str
    tests: tuple[str, ...]
    killed_by: str
    within: str = ""
    fresh_database: bool = False

    def applied(self, source: str) -> str:
        """The file's text with the fault in it. Raises NotThere."""
        lines = source.splitlines(keepends=True)
        known = self._span(source) if self.within else range(len(lines))
        found = [number for number in known if lines[number].strip() == self.line]
        if len(found) != 1:
            where = f"{self.file}, {self.within}" if self.within else self.file
            raise NotThere(f"{self.area}/{self.name}: {len(found)} times in {where}: {self.line}")
        old = lines[found[0]]
        indent = old[: len(old) - len(old.lstrip())]
        lines[found[0]] = f"{indent}{self.becomes}\n" if self.becomes else "\n"
        return "".join(lines)

    def _span(self, source: str) -> range:
        """Numbers, from 0, of the lines of the function."""
        named = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef) and node.name == self.within
        ]
        if len(named) != 1:
            raise NotThere(f"{self.area}/{self.name}: {len(named)} functions {self.within}")
        return range(named[0].lineno - 1, named[0].end_lineno or named[0].lineno)


def load() -> list[Mutant]:
    """All of them, by area then as written."""
    return [
        Mutant(
            area=path.stem,
            name=name,
            **{key: tuple(said) if isinstance(said, list) else said for key, said in entry.items()},
        )
        for path in sorted(HERE.glob("*.toml"))
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items()
    ]
