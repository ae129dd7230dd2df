"""A form whole, as its file says it: sections of questions, and what is built from them.

From one form come the stored shape of a section and its check, the empty file, the JSON Schema,
labels, the list of what lacks and the differences; the pages are built from it in
`requests_app.counter.forms`, documents in `requests_app.dossier`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from .conditions import Path, value_at
from .content import DELIVERY_MODES
from .file_parts import PARTS, PUBLIC
from .parts import Version
from .questions import Question
from .questions.base import AtLeast, Difference, Grid, Lack, Stored, is_taken
from .questions.choice import WithOptions
from .questions.data_specification import DataSpecification
from .section import Section, Slug
from .taking_over import fitting
from .texts import Text


# What the law and the portal know by its role, and the types that can hold it.
ROLES: dict[str, frozenset[str]] = {
    "controller": frozenset({"organisation"}),  # filled in from the applicant's organisation
    "purposes": frozenset({"multiple"}),  # the three of the public register
    "summary": frozenset({"long_text"}),
    "public_interest": frozenset({"long_text"}),
    "access_months": frozenset({"whole_number"}),  # the duration asked, bounded by the procedure
    "delivery_mode": frozenset({"choice"}),
    "data_specification": frozenset({"data_specification"}),
}
# Of these, what the public register says (`requests_app.register`).
PUBLISHED = frozenset({"purposes", "summary", "public_interest"})
# Facts that are no answer: of the orientation, and of the bases asked for.
OTHER_FACTS = frozenset({"orientation", "datasets"})
# What a frozen version holds beside its sections.
BESIDE = frozenset(
    {"format", "title", "procedure", "organisation", "persons", "pieces", "left_out"}
)


@dataclass(frozen=True, slots=True)
class ReadableSection:
    """A section in words; `facts` holds (label, value) pairs, what is empty left out.

    `grids`: answers read as tables. `has_rows`: the data specification is read there.
    """

    code: str
    label: str
    facts: list[tuple[str, str]]
    grids: list[Grid] = field(default_factory=list)
    has_rows: bool = False


@dataclass(frozen=True, slots=True)
class SectionDifference:
    section: str
    what: Difference


class Form(BaseModel):
    """One version of one form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Slug
    version: Version
    title: Text
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def is_coherent(self) -> "Form":
        if found := [*self._faults()]:
            raise ValueError("; ".join(found))
        return self

    def _faults(self) -> Iterator[str]:
        for what in ("code", "slug"):
            names = [getattr(section, what) for section in self.sections]
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield f"section {what} {name!r} is named twice"
        for name in sorted({*self.codes} & (BESIDE | OTHER_FACTS)):
            yield f"section code {name!r} is a name that a version keeps for itself"
        for name in filter(is_taken, self.codes):
            yield f"section code {name!r} is a name that what stores the file keeps for itself"
        if len([section for section in self.sections if section.kind == "team"]) > 1:
            yield "the team has one place at most"
        for place, part in self._parts_given():
            if part not in PARTS:
                yield f"{place}: no part {part!r}: one of {', '.join(sorted(PARTS))}"
        roles: dict[str, str] = {}
        for section, question in self.pairs():
            path = f"{section.code}.{question.code}"
            role = self._role_of(question)
            if role is None:
                pass
            elif role not in ROLES:
                yield f"{path}: no role {role!r}: one of {', '.join(sorted(ROLES))}"
            elif question.type not in ROLES[role]:
                yield f"{path}: role {role!r} is not for type {question.type!r}"
            elif role in roles:
                yield f"{path}: role {role!r} is already that of {roles[role]}"
            else:
                roles[role] = path
            if role in PUBLISHED and (part := section.part_of(question)) not in PUBLIC:
                yield (
                    f"{path}: role {role!r} is published, and part {part!r} is not public:"
                    f" one of {', '.join(sorted(PUBLIC))}"
                )
            if role == "delivery_mode" and isinstance(question, WithOptions):
                if unknown := set(question.labels) - set(DELIVERY_MODES):
                    yield f"{path}: not delivered so: {', '.join(sorted(unknown))}"
            for place in self._places_named(question):
                if place.partition(".")[0] not in OTHER_FACTS and not self.holds(place):
                    yield f"{path}: names {place!r}, which no question of this form holds"

    def _parts_given(self) -> Iterator[tuple[str, str]]:
        """(place in the file, part) wherever one is named."""
        for section in self.sections:
            yield f"section {section.code!r}", section.part
            for question in section.questions:
                if question.part is not None:
                    yield f"{section.code}.{question.code}", question.part

    @staticmethod
    def _places_named(question: Question) -> Iterator[str]:
        yield from (condition.fact for condition in question.conditions())
        rule = getattr(question, "at_least", None)
        if isinstance(rule, AtLeast):
            yield rule.field

    # --- parts ----------------------------------------------------------------------------------

    @cached_property
    def filled_in(self) -> tuple[Section, ...]:
        """Sections made of questions: those that are stored."""
        return tuple(section for section in self.sections if section.kind == "questions")

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Codes of the sections that are stored, in order."""
        return tuple(section.code for section in self.filled_in)

    def section(self, code: str) -> Section:
        """Raises KeyError for a section that this form does not have."""
        for section in self.filled_in:
            if section.code == code:
                return section
        raise KeyError(code)

    def pairs(self) -> Iterator[tuple[Section, Question]]:
        """Every question whose answer is stored, with its section, in order."""
        for section in self.sections:
            for question in section.answers:
                yield section, question

    @cached_property
    def parts(self) -> frozenset[str]:
        """Parts of the file in which answers lie: whoever reads them all reads the form whole."""
        return frozenset(section.part_of(question) for section, question in self.pairs())

    # --- roles ----------------------------------------------------------------------------------

    @staticmethod
    def _role_of(question: Question) -> str | None:
        if isinstance(question, DataSpecification):
            return "data_specification"
        return question.role

    def of_role(self, role: str) -> tuple[Section, Question] | None:
        """The question that has a role; None when this form asks for no such thing."""
        for section, question in self.pairs():
            if self._role_of(question) == role:
                return section, question
        return None

    def path_of(self, role: str) -> str | None:
        """`duration.months` of `access_months`."""
        found = self.of_role(role)
        return f"{found[0].code}.{found[1].code}" if found else None

    def value(self, content: Mapping[str, Any], role: str) -> Any:
        """The stored answer that has a role, in a draft or a version; None without one."""
        path = self.path_of(role)
        return value_at(content, path) if path else None

    def rows(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Raw rows of the data specification; none in a form that asks for no data."""
        return self.value(content, "data_specification") or []

    @property
    def asks_for_whole(self) -> bool:
        """Whether databases are asked for whole, as they were chosen when the file was begun."""
        return self.of_role("data_specification") is None

    # --- the stored file ------------------------------------------------------------------------

    @cached_property
    def empty(self) -> dict[str, Any]:
        """A file in which nothing is said: every place that the form stores."""
        return {section.code: section.model().model_dump(mode="json") for section in self.filled_in}

    def holds(self, path: Path) -> bool:
        """Whether the file has a place for a dotted path."""
        parent, _dot, name = path.rpartition(".")
        place = value_at(self.empty, parent) if parent else self.empty
        return isinstance(place, dict) and name in place

    def cleaned(self, section: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """One section ready for storage (plain JSON values, every answer present).

        Raises KeyError for a section that does not exist, pydantic.ValidationError on bad values.
        """
        return self.section(section).model.model_validate(data).model_dump(mode="json")

    def whole(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Every section of a file, cleaned. Raises pydantic.ValidationError."""
        return {code: self.cleaned(code, content.get(code) or {}) for code in self.codes}

    def taken_over(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What of another file, maybe of another form, has the same place and shape here."""
        kept: dict[str, Any] = {}
        for section, question in self.pairs():
            given = content.get(section.code)
            if isinstance(given, Mapping) and question.code in given:
                one = fitting(section.model, question.code, given[question.code])
                kept.setdefault(section.code, {}).update(one)
        return self.whole(kept)

    def settled(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts, empty where nothing asks for the answer: nor for what that would call for.

        In the form's order, until nothing changes: an answer emptied may leave another unasked, or
        ask it again as it was given. Two that ask each other by turns both end empty.
        """
        known = {code: dict(v) if isinstance(v, Mapping) else v for code, v in facts.items()}
        places = [
            (section.code, question)
            for section, question in self.pairs()
            if question.code in (value_at(known, section.code) or {})
        ]
        for turn in range(2 * len(places) + 2):
            same = True
            for section, question in places:
                here, code = known[section], question.code
                given = facts[section][code] if turn <= len(places) else here[code]
                value = given if question.is_asked(known) else question.empty()
                if here[code] != value:
                    here[code], same = value, False
            if same:
                break
        return known

    def asked_only(self, content: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
        """The sections as frozen: tidy, and empty where the answers do not ask the question."""
        whole = self.whole(content)
        known = self.settled({**facts, **whole})
        for section, question in self.pairs():
            value = known[section.code][question.code]
            whole[section.code][question.code] = question.tidy(value)
        return whole

    def left_out(self, content: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
        """Paths of the answers that a draft holds and its frozen version does not: not asked."""
        whole = self.whole(content)
        known = self.settled({**facts, **whole})
        return [
            f"{section.code}.{question.code}"
            for section, question in self.pairs()
            if known[section.code][question.code] != whole[section.code][question.code]
        ]

    def read_by(self, content: Mapping[str, Any], parts: frozenset[str]) -> dict[str, Any]:
        """The answers that lie in these parts of the file, the others left out."""
        seen: dict[str, Any] = {}
        for section, question in self.pairs():
            given = content.get(section.code) or {}
            if section.part_of(question) in parts and question.code in given:
                seen.setdefault(section.code, {})[question.code] = given[question.code]
        return seen

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the sections of a file, as stored."""
        fields: dict[str, Any] = {
            section.code: (section.model, Field(default_factory=section.model))
            for section in self.filled_in
        }
        model = create_model(f"Form_{self.code.replace('-', '_')}", __base__=Stored, **fields)
        named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": self.title.fr}
        return model.model_json_schema(mode="serialization") | named

    # --- what lacks -----------------------------------------------------------------------------

    def lacks(self, facts: Mapping[str, Any]) -> Iterator[tuple[str, Lack]]:
        """(path of the answer, what lacks) of every required question that is asked."""
        facts = self.settled(facts)
        for section, question in self.pairs():
            if question.is_asked(facts) and question.is_required(facts):
                path = f"{section.code}.{question.code}"
                for lack in question.lacks(value_at(facts, path)):
                    yield path, lack

    def faults_of(self, facts: Mapping[str, Any]) -> Iterator[tuple[str, Lack]]:
        """(path of the answer, what it says wrongly) of every question that is asked."""
        facts = self.settled(facts)
        for section, question in self.pairs():
            path = f"{section.code}.{question.code}"
            value = value_at(facts, path)
            if question.is_asked(facts) and value is not None:
                yield from ((path, fault) for fault in question.faults(value, facts))

    # --- words ----------------------------------------------------------------------------------

    def readable(self, content: Mapping[str, Any]) -> list[ReadableSection]:
        """The sections that `content` holds, in words, in order; what is empty is left out.

        The rows of the data specification are left to tables of the catalogue's words.
        """
        found = []
        for section in self.filled_in:
            given = content.get(section.code)
            if given is None:
                continue
            here = [one for one in section.answers if given.get(one.code) is not None]
            said = [(str(one.label), one.words(given[one.code])) for one in here]
            grids = [one.grid(given[one.code]) for one in here]
            has_rows = any(isinstance(one, DataSpecification) for one in section.answers)
            found.append(
                ReadableSection(
                    section.code,
                    str(section.label),
                    [(label, words) for label, words in said if words],
                    [grid for grid in grids if grid is not None],
                    has_rows,
                )
            )
        return found

    def differences(
        self, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> Iterator[SectionDifference]:
        """What changed between two files of this form, answer by answer, cell by cell.

        An answer that the new one leaves out because nothing asks for it any more is no change.
        """
        for section, question in self.pairs():
            if _is_left_out(new, section, question):
                continue
            before, after = (value_at(one, f"{section.code}.{question.code}") for one in (old, new))
            before, after = (question.empty() if one is None else one for one in (before, after))
            # The rows of the data have long been told under a heading of their own.
            own = isinstance(question, DataSpecification)
            label = str(question.label if own else section.label)
            for what in question.differences(before, after):
                yield SectionDifference(label, what)

    def changed(
        self, old: Mapping[str, Any], new: Mapping[str, Any], *, signed_again: bool = False
    ) -> list[Section]:
        """Sections in which an answer differs; with `signed_again`, one that is signed again.

        As today's shape: an answer that the version of before did not have yet is no change, nor is
        one that the new version leaves out because nothing asks for it any more.
        """
        found: list[Section] = []
        for section in self.filled_in:
            was, now = (
                self.cleaned(section.code, one.get(section.code) or {}) for one in (old, new)
            )
            for question in section.answers:
                counts = not signed_again or section.is_signed_again(question)
                if _is_left_out(new, section, question):
                    continue
                if counts and was[question.code] != now[question.code]:
                    found.append(section)
                    break
        return found


def _is_left_out(version: Mapping[str, Any], section: Section, question: Question) -> bool:
    return f"{section.code}.{question.code}" in version.get("left_out", ())
