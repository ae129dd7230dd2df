"""Conditions of a procedure file, judged on facts of a file: plain data in, yes or no out."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


Path = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]


def value_at(facts: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None: `value_at(f, "parties.dpo.name")`."""
    value: Any = facts
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def is_filled(value: Any) -> bool:
    """Whether something was said: zero is an answer, an unticked box is not."""
    return value is not None and value is not False and value != "" and value != []


class Condition(BaseModel):
    """One test on one fact. Exactly one of `equals`, `among`, `filled`.

    Facts are the sections of the content (parties, purpose, specification, …), `orientation` (the
    five answers), `datasets.kinds` (list) and `datasets.codes` (list).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fact: Path
    equals: str | bool | int | None = None
    among: tuple[str, ...] = ()
    filled: bool | None = None

    @model_validator(mode="after")
    def one_test(self) -> "Condition":
        tests = [self.equals is not None, bool(self.among), self.filled is not None]
        if sum(tests) != 1:
            raise ValueError(f"condition on {self.fact!r}: give one of equals, among, filled")
        return self

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether the fact passes; a list passes `equals`/`among` when one of its items does."""
        value = value_at(facts, self.fact)
        if self.filled is not None:
            return is_filled(value) is self.filled
        wanted = self.among or (self.equals,)
        values = value if isinstance(value, list | tuple) else [value]
        return any(item in wanted for item in values)


def all_hold(conditions: tuple[Condition, ...], facts: Mapping[str, Any]) -> bool:
    """Whether every condition holds; none to hold is yes."""
    return all(condition.holds(facts) for condition in conditions)
