"""Which variables are potential identifiers (A22), by the versioned rules of a TOML file."""

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from catalog.models import Variable


RULES_FILE = Path(__file__).with_name("potential_identifiers.toml")


@dataclass(frozen=True, slots=True)
class Rule:
    kind: str  # Variable.Identifier
    pattern: str  # TABLE.VARIABLE in capitals
    why: str


@dataclass(slots=True)
class IdentifierRules:
    """The rules, in order; the first that matches decides. `hits` counts what each one matched."""

    version: str
    rules: list[Rule]
    hits: dict[str, int] = field(default_factory=dict)

    def kind_of(self, table: str, variable: str) -> str:
        """The kind of potential identifier, or an empty string."""
        full = f"{table}.{variable}".upper()
        for rule in self.rules:
            if fnmatchcase(full, rule.pattern):
                self.hits[rule.pattern] = self.hits.get(rule.pattern, 0) + 1
                return rule.kind
        return ""

    def without_hit(self) -> list[str]:
        return [rule.pattern for rule in self.rules if rule.pattern not in self.hits]


def load_rules(path: Path = RULES_FILE) -> IdentifierRules:
    """Read the rules. Raises ValueError when one names an unknown kind."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rules = [Rule(r["kind"], r["pattern"].upper(), r.get("why", "")) for r in data["rule"]]
    for rule in rules:
        if rule.kind not in Variable.Identifier.values:
            raise ValueError(f"{path.name}: {rule.kind!r} is no kind of potential identifier")
    return IdentifierRules(version=str(data["version"]), rules=rules)
