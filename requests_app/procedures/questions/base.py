"""What every type of question has: its words, who is asked, and what its answer is to be.

A type is one module here (options in the file, stored shape, words, what lacks, differences) and
one of the same name in `requests_app.counter.forms.questions` (its controls).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from requests_app.procedures.conditions import Condition, Path, all_hold, is_filled, value_at
from requests_app.procedures.texts import Text


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
SEPARATOR = "__"  # between a question, its row and its place, in the name of a field
# What the page of a section sends beside the answers, and what its script reads of its form: no
# question has such a name.
PAGE_INPUTS = frozenset(
    {
        *("csrfmiddlewaretoken", "base", "revision", "save", "next"),
        *("add_row", "remove_row"),  # of a table
        *("edit", "import", "mend"),  # of the rows of the data
        *("action", "dataset", "elements", "method", "submit"),
    }
)
# Fields that a page may send at once: the portal refuses more (DATA_UPLOAD_MAX_NUMBER_FIELDS).
MOST_INPUTS = 1000
Line = Annotated[str, Field(max_length=300)]
LongText = Annotated[str, Field(max_length=20_000)]
Shape = tuple[Any, Any]  # annotation and empty value, as pydantic takes them


class Stored(BaseModel):
    """What a compound answer is stored as."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def is_taken(code: str) -> bool:
    """Whether a place of that name would hide what its model does: `model_dump`, `copy`…"""
    return hasattr(Stored, code)


PLENTY = 300  # of characters: no made-up words are longer


def made_up(rank: int, most: int) -> str:
    """Words that say they are made up, or what is left of them in a short place."""
    words = f"Exemple {rank + 1}"
    return words if len(words) <= most else str(rank)[-most:]


@dataclass(frozen=True, slots=True)
class Lack:
    """Something without which no signature is asked for. `place` is inside the answer."""

    code: str
    label: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed in an answer, in words; `before` or `after` may be empty."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Grid:
    """An answer read as a table. `rows` are as long as `head`."""

    caption: str
    head: list[str]
    rows: list[list[str]]


class AtLeast(BaseModel):
    """An answer not below another one. `error`: told in the form, when both are in one section;
    `missing`: told in the list of what lacks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Path
    missing: Text
    error: Text | None = None


class Question(BaseModel):
    """One question of a form. Subclasses say the rest of their `[[sections.questions]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answered: ClassVar[bool] = True  # False: words to read, nothing to store
    lack_codes: ClassVar[Mapping[str, str]] = {}  # by place; `field` otherwise

    code: Code
    type: str
    label: Text
    help: Text | None = None
    example: Text | None = None
    required: bool = False
    required_when: tuple[Condition, ...] = ()  # with `required`: only when all of these hold
    missing: Text | None = None  # its words in the list of what lacks; the label otherwise
    when: tuple[Condition, ...] = ()  # asked when all of these hold
    when_any: tuple[Condition, ...] = ()  # and, if given, one of these
    part: Code | None = None  # of the file, in which it is read; that of the section otherwise
    sign_again: bool | None = None  # changed after the deposit; that of the section otherwise
    marks: bool = True  # readers may leave a mark on it
    role: Code | None = None  # what the law and the portal know it by

    @field_validator("code")
    @classmethod
    def names_a_field(cls, code: str) -> str:
        """It names the field of a page, and those of its places."""
        if code in PAGE_INPUTS:
            raise ValueError(f"{code!r} is a name that the page keeps for itself")
        if SEPARATOR in code or code.endswith("_"):
            raise ValueError(f"{code!r}: one underscore between words, none at the end")
        if is_taken(code):
            raise ValueError(f"{code!r} is a name that what stores the answer keeps for itself")
        return code

    # --- its page -------------------------------------------------------------------------------

    @property
    def inputs(self) -> int:
        """Most fields that its page sends for it."""
        return 6  # the places of a person or of an organisation are no more

    # --- the stored answer ----------------------------------------------------------------------

    def shape(self) -> Shape:
        raise NotImplementedError

    def empty(self) -> Any:
        return None

    def tidy(self, value: Any) -> Any:
        """As frozen: without what only a page being written needs."""
        return value

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        """A right answer of somebody made up, as stored.

        `facts`: what is answered before it; `rank`: of the row of a table, from those before which
        it differs where it can.
        """
        raise NotImplementedError

    # --- when it is asked -----------------------------------------------------------------------

    def conditions(self) -> Iterator[Condition]:
        yield from self.when
        yield from self.when_any
        yield from self.required_when

    def is_asked(self, facts: Mapping[str, Any]) -> bool:
        """Whether the answers given so far ask for it."""
        one = not self.when_any or any(condition.holds(facts) for condition in self.when_any)
        return one and all_hold(self.when, facts)

    def is_required(self, facts: Mapping[str, Any]) -> bool:
        return self.required and all_hold(self.required_when, facts)

    # --- what lacks -----------------------------------------------------------------------------

    def needs(self) -> Mapping[str, Text]:
        """Places of the answer to be filled when it is required, with their words."""
        return {"": self.missing or self.label}

    def lacks(self, value: Any) -> Iterator[Lack]:
        """What a required answer lacks."""
        for place, label in self.needs().items():
            if not is_filled(value_at(value, place) if place else value):
                yield Lack(self.lack_codes.get(place, "field"), str(label), place)

    def faults(self, value: Any, facts: Mapping[str, Any]) -> Iterator[Lack]:
        """What an answer says wrongly, required or not."""
        yield from ()

    # --- words ----------------------------------------------------------------------------------

    def words(self, value: Any) -> str:
        """The whole answer; empty when nothing is said."""
        return "" if value is None else str(value)

    def grid(self, value: Any) -> Grid | None:
        """The answer as a table, when words are not how it is read."""
        return None

    def differences(self, before: Any, after: Any) -> Iterator[Difference]:
        old, new = self.words(before), self.words(after)
        if old != new:
            yield Difference(str(self.label), old, new)


class Ordered(Question):
    """An answer that can be compared with another of the same type."""

    at_least: AtLeast | None = None

    def faults(self, value: Any, facts: Mapping[str, Any]) -> Iterator[Lack]:
        rule = self.at_least
        if rule is None:
            return
        if self.is_below(value, value_at(facts, rule.field)):
            yield Lack("contradiction", str(rule.missing))

    def is_below(self, value: Any, floor: Any) -> bool:
        """Whether both are said, and the answer is below."""
        if not is_filled(value) or not is_filled(floor):
            return False
        return bool(self.comparable(value) < self.comparable(floor))

    def comparable(self, value: Any) -> Any:
        return value

    def not_below(self, value: Any, facts: Mapping[str, Any]) -> Any:
        """The value, or the answer below which it may not be."""
        floor = value_at(facts, self.at_least.field) if self.at_least else None
        below = is_filled(floor) and self.comparable(value) < self.comparable(floor)
        return floor if below else value


class Option(BaseModel):
    """An answer among several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code
    label: Text
