"""What the parts of a procedure file may say. Plain pydantic, no Django.

A procedure names its pieces, stages, outcomes, clocks and what silence means (T1: silence has its
own legal effect in each procedure, never a generic approval). Law is data here; the three machines
of states are code, in `requests_app.workflow.definition`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from portal.common.units import UNITS, parse_period

from .conditions import Condition, Path, all_hold
from .law import Period, Reminder, begins_after
from .texts import Text


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
# Of a file's name; as a small integer of every database holds it.
Version = Annotated[int, Field(ge=1, le=32767)]

StageRole = Literal[
    "secretariat",
    "legal_officer",
    "operator",
    "president",
    "holder_representative",
    "main_base_officer",
    "applicant",
]
# Of a task: those to whom it is told, in whose inbox it is, and who may conclude it.
TaskRole = Literal["secretariat", "legal_officer"]
# What an outcome does to the whole request; nothing when absent.
RequestEffect = Literal[
    "processing", "in_force", "refused", "closed_incomplete", "redirected", "withdrawn", "closed"
]
FINAL_EFFECTS = frozenset({"refused", "closed_incomplete", "redirected", "withdrawn", "closed"})


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(Part):
    """Where the applicant finds a template: an address, or text to start from."""

    label: Text
    url: Annotated[str, Field(pattern=r"^https://")] | None = None
    text: Text | None = None


class Piece(Part):
    """A piece of the file. `rule`: required, optional, or required when every condition holds."""

    code: Code
    label: Text
    help: Text | None = None
    rule: Literal["required", "when", "optional"] = "required"
    when: tuple[Condition, ...] = ()
    waivable: bool = False  # a reasoned waiver stands in for the file
    needs_signature: bool = False  # changed after the deposit: the representative signs again
    template: Link | None = None
    content_types: tuple[str, ...] = ("application/pdf",)
    max_mb: Annotated[int, Field(gt=0, le=200)] = 25
    source: str = ""

    @model_validator(mode="after")
    def rule_and_conditions_agree(self) -> "Piece":
        if (self.rule == "when") != bool(self.when):
            raise ValueError(f"piece {self.code!r}: rule 'when' and its conditions go together")
        return self

    def needed(self, facts: Mapping[str, Any]) -> bool:
        """Whether the file must hold this piece (or its waiver), by its facts."""
        return self.rule == "required" or (self.rule == "when" and all_hold(self.when, facts))


class RequiredField(Part):
    """A place of the file that this procedure asks for beyond what its form requires."""

    field: Path
    label: Text
    when: tuple[Condition, ...] = ()


class Heading(Part):
    """A heading of the committee's report and opinion (A11)."""

    code: Code
    label: Text


class Join(Part):
    """A stage that must be over; with `outcomes`, over in one of these ways."""

    stage: Code
    outcomes: tuple[Code, ...] = ()


class Extension(Part):
    by: Period
    once: Literal[True] = True  # no text read allows a second one


class Expiry(Part):
    """What the end of a clock does. An effect is never shared between procedures (T1)."""

    effect: Literal["escalate", "outcome", "task", "remind"]
    outcome: Code | None = None
    task: Code | None = None

    @model_validator(mode="after")
    def names_what_it_does(self) -> "Expiry":
        if (self.effect == "outcome") != (self.outcome is not None):
            raise ValueError("on_expiry: effect 'outcome' and an outcome code go together")
        if (self.effect == "task") != (self.task is not None):
            raise ValueError("on_expiry: effect 'task' and a task code go together")
        return self


class Clock(Part):
    """A legal clock. `start` is the event whose day is not counted.

    start: `deposit` (the signature), `stage` (the stage opens: complete file received),
    `receipt` (the act
    `record_receipt` of this stage), `permit_end` (no period: the clock ends with the access).
    """

    start: Literal["deposit", "stage", "receipt", "permit_end"]
    period: Period | None = None
    urgent_period: Period | None = None
    extension: Extension | None = None
    pauses: bool = False
    on_expiry: Expiry
    reminders: tuple[Reminder, ...] = ()
    source: Annotated[str, Field(min_length=1)]
    strength: Literal["P", "G", "S", "K"]  # legal text, guide, secondary, general knowledge

    @model_validator(mode="after")
    def period_and_start_agree(self) -> "Clock":
        if (self.start == "permit_end") == (self.period is not None):
            raise ValueError("clock: a period is given, unless it starts at 'permit_end'")
        if self.pauses and not (self.period and UNITS[parse_period(self.period)[1]].pauses):
            raise ValueError("clock: only periods in days (wd, d) can pause and resume")
        return self

    @model_validator(mode="after")
    def reminders_are_said(self) -> "Clock":
        """Each on a day of its own, of a clock that is a deadline and that runs by then."""
        if self.on_expiry.effect == "remind":
            if self.period is None:
                raise ValueError(
                    "clock: on_expiry 'remind' comes back after each period; give one, or another"
                    " effect"
                )
            if self.reminders:
                raise ValueError(
                    "clock.reminders: on_expiry 'remind' is no deadline, and reminds by itself;"
                    " write no reminders"
                )
        sample = date(2027, 6, 16)  # a day on which only equal leads fall together
        if len({one.day(sample) for one in self.reminders}) != len(self.reminders):
            raise ValueError("clock: two reminders on the same day")
        for period in filter(None, (self.period, self.urgent_period)):
            for one in self.reminders:
                if one.before and begins_after(one, period):
                    raise ValueError(
                        f"clock.reminders: {one.at!r} comes before a clock of {period} begins"
                    )
        return self


class Awaited(Part):
    """An outside authority whose answer is waited for once its receipt is recorded."""

    who: Text
    what: Text  # what the authority is to do, in the words of "who must act next"
    expected: Text  # what the stage's own actor does meanwhile


class Requirement(Part):
    """What must hold for an outcome to be chosen, and what the person is told when it does not."""

    stage: Code
    outcomes: Annotated[tuple[Code, ...], Field(min_length=1)]
    refusal: Text


OutcomeEffect = Literal["favourable", "favourable_with_reservations", "unfavourable", "none"]


class Outcome(Part):
    code: Code
    label: Text
    word: Text | None = None  # where its stage is named already; the label when absent
    deemed: Text | None = None  # what a silence that ends so is, in a sentence
    request: RequestEffect | None = None
    tacit: bool = False
    effect: OutcomeEffect | None = None  # of an opinion, given or deemed (T1)
    requires: tuple[Requirement, ...] = ()

    @property
    def short(self) -> Text:
        return self.word or self.label


class Stage(Part):
    """A stage: who acts, after what, how it can end, and its clock.

    What a stage of one kind may say besides is a model of its kind's (`procedures.kinds`), which
    answers the properties below; here is what holds of the others.
    """

    code: Code
    kind: str
    label: Text
    expected: Text  # what the actor is asked to do, in the imperative of inboxes and mails
    role: StageRole
    after: tuple[Join, ...] = ()  # all of them; empty: opens with the deposit
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1)]
    clock: Clock | None = None
    indicative: Period | None = None  # what it usually takes, without any effect of law
    source: str = ""

    @property
    def may_pause(self) -> bool:
        return False

    @property
    def its_committee(self) -> str | None:
        """The committee it names; None: the procedure's."""
        return None

    @property
    def per_holder(self) -> bool:
        """Whether it has a row for each holder of the data asked for."""
        return False

    @property
    def time_to_complete(self) -> Period | None:
        """What the applicant is given while the clock is stopped."""
        return None

    @property
    def outside(self) -> Awaited | None:
        """The authority whose answer is waited for once its receipt is recorded."""
        return None

    @property
    def rubrics(self) -> Mapping[str, Text]:
        """Headings of what is written in it, by their codes."""
        return {}

    @model_validator(mode="after")
    def is_coherent(self) -> "Stage":
        codes = [outcome.code for outcome in self.outcomes]
        if len(codes) != len(set(codes)):
            raise ValueError(f"stage {self.code!r}: an outcome is named twice")
        if self.clock and self.clock.on_expiry.outcome not in {None, *codes}:
            raise ValueError(
                f"stage {self.code!r}: on_expiry names {self.clock.on_expiry.outcome!r},"
                f" not one of its outcomes ({', '.join(codes)})"
            )
        if self.clock and self.clock.pauses and not self.may_pause:
            raise ValueError(f"stage {self.code!r}: a stage of kind {self.kind!r} does not pause")
        return self

    def outcome(self, code: str) -> Outcome:
        """Raises LookupError for an outcome this stage does not have."""
        for outcome in self.outcomes:
            if outcome.code == code:
                return outcome
        raise LookupError(f"stage {self.code!r} has no outcome {code!r}")


class CommitteeStage(Stage):
    """A stage before a committee, which may be another than the procedure's."""

    committee: Slug | None = None

    @property
    def its_committee(self) -> str | None:
        return self.committee


class TaskOutcome(Part):
    """How a task ends. pass: what it blocks may go on; hold: it stays blocked; end_stage: the
    stage ends."""

    code: Code
    label: Text
    effect: Literal["pass", "hold", "end_stage", "end_request"]
    outcome: Code | None = None  # of the stage, for end_stage
    request: Literal["refused"] | None = None  # for end_request

    @model_validator(mode="after")
    def names_what_it_does(self) -> "TaskOutcome":
        if (self.effect == "end_stage") != (self.outcome is not None):
            raise ValueError(f"task outcome {self.code!r}: 'end_stage' and an outcome go together")
        if (self.effect == "end_request") != (self.request is not None):
            raise ValueError(f"task outcome {self.code!r}: 'end_request' and a state go together")
        return self


class TaskRule(Part):
    """Work for a person, opened by a clock's end or when joins come to hold; blocks a stage
    meanwhile."""

    code: Code
    label: Text
    expected: Text
    role: TaskRole
    stage: Code  # where it belongs
    opens_when: tuple[Join, ...] = ()  # empty: opened by a clock only
    blocks: Code
    outcomes: Annotated[tuple[TaskOutcome, ...], Field(min_length=2)]
    source: str = ""

    def outcome(self, code: str) -> TaskOutcome:
        """Raises LookupError."""
        for outcome in self.outcomes:
            if outcome.code == code:
                return outcome
        raise LookupError(f"task {self.code!r} has no outcome {code!r}")


class Signature(Part):
    """How the representative signs; what is signed again is said by the form and the pieces."""

    modes: Annotated[tuple[Literal["online", "paper"], ...], Field(min_length=1)]


Delivery = Literal["daughter_system", "project_space"]
# The persons' own system: it is approved on a day, and its network addresses are declared.
DAUGHTER_SYSTEM: Delivery = "daughter_system"
PROJECT_SPACE: Delivery = "project_space"


class Access(Part):
    """What an access may be: its ways of delivery, how long it lasts at most."""

    delivery_modes: Annotated[tuple[Delivery, ...], Field(min_length=1)]
    max_duration: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}(m|y)$")]


class Convention(Access):
    """Its parties besides, by kind of dataset (organisation codes; `holder` is the dataset's)."""

    main_base: tuple[str, ...] = ()
    catalogue: tuple[str, ...] = ()
