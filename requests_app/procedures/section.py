"""A section of a form: its questions, who reads them, what it is stored as."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    create_model,
    model_validator,
)

from .questions import Question, read
from .questions.base import MOST_INPUTS, PAGE_INPUTS, Code, Stored
from .texts import Text


Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
AnyQuestion = Annotated[SerializeAsAny[Question], BeforeValidator(read)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Part):
    """Questions shown together under a heading that folds."""

    label: Text
    questions: Annotated[tuple[Code, ...], Field(min_length=1)]


class Section(_Part):
    """One page of the form. `kind` team: its place among the pages, which is the portal's own."""

    code: Code
    slug: Slug
    kind: Literal["questions", "team"] = "questions"
    label: Text
    title: Text | None = None  # of its page; the label otherwise
    intro: Text | None = None
    nothing: Text | None = None  # said when no question is asked
    part: Code = "content"  # of the file, in which it is read (`requests_app.rights.visibility`)
    sign_again: bool = True  # changed after the deposit: the representative signs again
    groups: tuple[Group, ...] = ()
    questions: tuple[AnyQuestion, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def justifications_are_written_out(cls, raw: Any) -> Any:
        """One question per option of the choice that a justification without item names."""
        if not isinstance(raw, dict) or not isinstance(raw.get("questions"), list | tuple):
            return raw
        by_code = {one.get("code"): one for one in raw["questions"] if isinstance(one, dict)}
        questions: list[Any] = []
        for one in raw["questions"]:
            if not isinstance(one, dict) or one.get("type") != "justification" or one.get("item"):
                questions.append(one)
                continue
            of = by_code.get(str(one.get("of", "")).rpartition(".")[2], {})
            if not of.get("options"):
                raise ValueError(
                    f"question {one.get('code')!r}: name an item, or a choice of this section"
                )
            for option in of["options"]:
                both = {"item": option["code"], "code": f"{one['code']}_{option['code']}"}
                questions.append(one | both | {"label": _joined(one["label"], option["label"])})
        return raw | {"questions": questions}

    @model_validator(mode="after")
    def is_coherent(self) -> "Section":
        codes = [question.code for question in self.questions]
        if len(codes) != len(set(codes)):
            raise ValueError(f"section {self.code!r}: a question is named twice")
        if (self.kind == "questions") != bool(self.questions):
            raise ValueError(f"section {self.code!r}: a section has questions, a team has none")
        for question in self.questions:
            if ignored := [*_ignored(question)]:
                raise ValueError(f"question {question.code!r}: {'; '.join(ignored)}")
        sent = len(PAGE_INPUTS) + sum(question.inputs for question in self.answers)
        if sent > MOST_INPUTS:
            raise ValueError(
                f"section {self.code!r}: its page would send {sent} fields, {MOST_INPUTS} at most"
                " pass: write fewer columns, a smaller max_rows, or another section"
            )
        if unknown := {code for group in self.groups for code in group.questions} - set(codes):
            raise ValueError(f"section {self.code!r}: no question {', '.join(sorted(unknown))}")
        return self

    @property
    def heading(self) -> Text:
        return self.title or self.label

    @cached_property
    def answers(self) -> tuple[Question, ...]:
        """Questions whose answer is stored."""
        return tuple(one for one in self.questions if one.answered)

    @cached_property
    def model(self) -> type[BaseModel]:
        """What the section is stored as: every answer, empty when nothing is said."""
        fields: dict[str, Any] = {}
        for one in self.answers:
            annotation, empty = one.shape()
            help = one.help.fr if one.help else None
            told = Field(default=empty, title=one.label.fr, description=help)
            fields[one.code] = (annotation, told)
        return create_model(f"Section_{self.code}", __base__=Stored, **fields)

    def part_of(self, question: Question) -> str:
        return question.part or self.part

    def is_signed_again(self, question: Question) -> bool:
        return self.sign_again if question.sign_again is None else question.sign_again


# What only a question of its own can say, by where it is not one: a column is asked, read, marked
# and signed with its table, a place of an organisation with its organisation.
_OF_A_QUESTION = frozenset(
    {"role", "part", "sign_again", "marks", "when", "when_any", "required_when", "missing"}
)
_INSIDE = {"columns": _OF_A_QUESTION | {"at_least"}, "more": _OF_A_QUESTION | {"required"}}
_OF_AN_ANSWER = _OF_A_QUESTION - {"when", "when_any"} | {"required"}


def _ignored(question: Question) -> Iterator[str]:
    """What the file says of a question, or of something in it, and nothing reads."""
    if not question.answered:
        yield from (f"{name!r} says nothing here" for name in _given(question, _OF_AN_ANSWER))
    for inside, names in _INSIDE.items():
        for one in getattr(question, inside, ()):
            for name in _given(one, names):
                yield f"{inside} {one.code!r}: {name!r} says nothing here"


def _given(question: Question, names: frozenset[str]) -> Iterator[str]:
    fields = type(question).model_fields
    for name in sorted(names & question.model_fields_set):
        if getattr(question, name) != fields[name].default:
            yield name


def _joined(label: Any, option: Any) -> dict[str, str] | str:
    """`« Pourquoi » + « l’âge »` in each language that both have."""
    both = [one if isinstance(one, dict) else {"fr": one} for one in (label, option)]
    texts = {
        language: f"{both[0][language]} – {both[1][language]}"
        for language in both[0]
        if language in both[1]
    }
    return texts if len(texts) > 1 else texts["fr"]
