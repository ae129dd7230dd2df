"""Why one item of another answer is asked for: one such question for each item.

`of` and `item` say which; without `item`, the question stands for one per option of the choice that
`of` names (`requests_app.procedures.form` writes them out).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from requests_app.procedures.conditions import Condition, Path, value_at
from requests_app.procedures.texts import Text

from .base import PLENTY, Code, LongText, Question, Shape, Stored, made_up


class StoredJustification(Stored):
    justification: LongText = ""


class Justification(Question):
    lack_codes: ClassVar[Mapping[str, str]] = {"justification": "identifier"}

    type: Literal["justification"]
    of: Path
    item: Code | None = None
    rows: Annotated[int, Field(ge=2, le=30)] = 4
    names: Path | None = None  # a fact, by item: names put for `{names}` in the help

    @model_validator(mode="after")
    def is_asked_by_its_item(self) -> "Justification":
        if self.when or self.when_any or self.required_when:
            raise ValueError(f"question {self.code!r}: a justification is asked by its item only")
        return self

    def conditions(self) -> Iterator[Condition]:
        yield Condition(fact=self.of, equals=self.item or "")

    def is_asked(self, facts: Mapping[str, Any]) -> bool:
        return Condition(fact=self.of, equals=self.item).holds(facts)

    def help_for(self, facts: Mapping[str, Any]) -> str:
        """The help, with the names that the facts give for this item."""
        if self.help is None:
            return ""
        names = (value_at(facts, self.names) or {}) if self.names else {}
        return str(self.help).replace("{names}", ", ".join(names.get(self.item, [])))

    def shape(self) -> Shape:
        return StoredJustification, StoredJustification()

    def empty(self) -> Any:
        return StoredJustification().model_dump()

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return {"justification": made_up(rank, PLENTY)}

    def needs(self) -> Mapping[str, Text]:
        return {"justification": self.missing or self.label}

    def words(self, value: Any) -> str:
        return str(value.get("justification", ""))
