"""Questions, then a route: a procedure of this portal, or the name of another way.

Questions and routes are data (`orientation.toml`): the law that sorts studies changes more often
than this code. A body whose procedures are its own says there which studies they are for.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, model_validator

from requests_app.procedures import reading, registry
from requests_app.procedures.cases import CASES, CaseType
from requests_app.procedures.conditions import Condition, all_hold
from requests_app.procedures.form import ReadableSection
from requests_app.procedures.schema import Procedure
from requests_app.procedures.texts import Text


FILE = Path(__file__).with_name("orientation.toml")
Answers = Mapping[str, bool]


class OrientationError(ValueError):
    """Questions that cannot be used; the message names the file and every fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Part):
    """A question answered by yes or no."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    text: Text
    help: Text | None = None


class Route(_Part):
    """Where a study goes when all conditions hold: a procedure here, or a link and a contact."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    why: Text
    when: tuple[Condition, ...] = ()
    procedure: str = ""
    alternative: str = ""  # another procedure of this portal that also fits
    alternative_why: Text | None = None
    link: str = ""
    link_label: Text | None = None
    contact: Text | None = None
    source: str = ""

    @model_validator(mode="after")
    def leads_somewhere(self) -> "Route":
        if not self.procedure and not (self.link and self.link_label and self.contact):
            raise ValueError(f"route {self.code!r}: name a procedure, or a link and a contact")
        if bool(self.alternative) != bool(self.alternative_why):
            raise ValueError(f"route {self.code!r}: an alternative says why")
        return self

    @property
    def is_here(self) -> bool:
        return bool(self.procedure)


class Elsewhere(_Part):
    """Another way that may also fit the answers: name, why, link and contact of who keeps it;
    `procedure`: what is begun of it here, without the questions."""

    title: Text
    why: Text
    when: tuple[Condition, ...] = ()
    link: Annotated[str, Field(min_length=1)]
    link_label: Text
    contact: Text
    procedure: str = ""
    source: str = ""


class Orientation(_Part):
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    elsewhere: tuple[Elsewhere, ...] = ()

    @model_validator(mode="after")
    def is_coherent(self) -> "Orientation":
        codes = {question.code for question in self.questions}
        for route in self.routes:
            if unknown := {c.fact for c in route.when} - codes:
                raise ValueError(f"route {route.code!r} asks for unknown answers: {unknown}")
        for other in self.elsewhere:
            if unknown := {c.fact for c in other.when} - codes:
                raise ValueError(f"{str(other.title)!r} asks for unknown answers: {unknown}")
        if self.routes[-1].when:
            raise ValueError("the last route has conditions: some answers would lead nowhere")
        return self


def file() -> Path:
    """The one in use: a body's own, beside its procedures, instead of the one shipped."""
    own = settings.PROCEDURES_FOLDER
    theirs = Path(own, registry.ORIENTATION) if own else FILE
    return theirs if theirs.is_file() else FILE


@cache
def data() -> Orientation:
    """The questions and routes. Raises OrientationError with one line per fault."""
    found, faults = judged(file())
    if found is None:
        raise OrientationError("\n".join(str(fault) for fault in faults))
    return found


def judged(path: Path) -> tuple[Orientation | None, list[reading.Fault]]:
    """The questions of a file, or None and each fault with its place and mend."""
    return reading.read(path, Orientation)


def questions() -> tuple[Question, ...]:
    return data().questions


def cleaned(answers: Mapping[str, object]) -> dict[str, bool]:
    """Answers to the questions that exist, in their order; the rest is dropped."""
    return {
        question.code: answers[question.code]  # type: ignore[misc]
        for question in questions()
        if isinstance(answers.get(question.code), bool)
    }


def early_exit(answers: Answers) -> Route | None:
    """A way out of this portal that the answers already decide: no need to ask more."""
    for route in data().routes:
        known = all(condition.fact in answers for condition in route.when)
        if not route.is_here and route.when and known and all_hold(route.when, answers):
            return route
    return None


def route(answers: Answers) -> Route | None:
    """Where the study goes; None while questions that matter are unanswered."""
    if found := early_exit(answers):
        return found
    if any(question.code not in answers for question in questions()):
        return None
    return next(one for one in data().routes if all_hold(one.when, answers))


def elsewhere(answers: Answers) -> list[Elsewhere]:
    """Ways outside this portal beside the route, for a study that may be asked for here."""
    found = route(answers)
    if found is None or not found.is_here:
        return []
    return [one for one in data().elsewhere if all_hold(one.when, answers)]


def readable(answers: Mapping[str, object]) -> list[ReadableSection]:
    """The answers as a section of the file, before the others; nothing without answers."""
    facts = in_words(answers)
    return [ReadableSection("orientation", _("Orientation"), facts)] if facts else []


def in_words(answers: Mapping[str, object]) -> list[tuple[str, str]]:
    """(question, yes or no) of the answers kept with a file, in the order of the questions."""
    known = cleaned(answers)
    return [
        (str(question.text), _("oui") if known[question.code] else _("non"))
        for question in questions()
        if question.code in known
    ]


def next_question(answers: Answers) -> int | None:
    """Rank (from 1) of the first question without answer; None when all have one."""
    for rank, question in enumerate(questions(), start=1):
        if question.code not in answers:
            return rank
    return None


def procedure_of(found: Route) -> Procedure | None:
    """The version of the route's procedure that a request made today uses."""
    return next(iter(registry.current(found.procedure)), None) if found.procedure else None


def allowed_procedures(answers: Answers) -> list[Procedure]:
    """Procedures that a draft may follow after these answers: the route's, then its alternative."""
    found = route(answers)
    if found is None:
        return []
    codes = [code for code in (found.procedure, found.alternative) if code]
    return [one for code in codes for one in registry.current(code)]


def without_questions() -> list[Procedure]:
    """Procedures that are begun as they are: neither a request for access, which the questions
    sort, nor a case about another file, which is begun from it."""
    types = {one for one, case in CASES.items() if not case.has_parent}
    return registry.current(types=types - {CaseType.ACCESS})


@register("procedures")
def check_orientation(**_kwargs: object) -> list[CheckMessage]:
    """System check: an unreadable file, a route to a procedure that does not exist, a procedure
    that no route leads to and that nobody can therefore ask for."""
    path = file()
    orientation, faults = judged(path)
    if orientation is None:
        return [Error(str(fault), id="orientation.E001") for fault in faults]
    try:
        known = {procedure.code: procedure for procedure in registry.everything()}
    except (registry.ProcedureError, registry.FormError):  # told by their own check
        return []
    # A body that leads elsewhere than to a shipped procedure means it.
    open_ended = {
        one.code
        for one in known.values()
        if one.type is CaseType.ACCESS and one.valid_until is None
        if path == FILE or registry.is_own(one.code, one.version)
    }
    led = {code for one in orientation.routes for code in (one.procedure, one.alternative) if code}
    begun = {one.procedure for one in orientation.elsewhere if one.procedure}
    return [
        *(
            Error(f"{path.name}: a route names unknown procedure {code!r}", id="orientation.E002")
            for code in sorted((led | begun) - set(known))
        ),
        *(
            Warning(
                f"{path.name}: no route leads to procedure {code!r}: nobody can ask for it",
                hint="add a route, in the orientation.toml of the folder of GUICHET_PROCEDURES",
                id="orientation.W001",
            )
            for code in sorted(open_ended - led)
        ),
    ]
