"""A procedure whole, as its file says it. Plain pydantic, no Django."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, model_validator

from .cases import CaseType
from .coherence import Incoherent, faults
from .kinds import KINDS
from .law import UNNAMED, Appeal, Authority
from .parts import (
    Access,
    Code,
    Convention,
    Part,
    Piece,
    RequiredField,
    Signature,
    Slug,
    Stage,
    TaskRule,
    Version,
)
from .texts import Text


if TYPE_CHECKING:
    StageOfKind = Stage
else:  # the model of its kind, told by the field `kind`
    _MODELS = tuple(kind.spec for kind in KINDS.values())
    StageOfKind = Annotated[Union[_MODELS], Field(discriminator="kind")]  # noqa: UP007


class Procedure(Part):
    """One version of one procedure."""

    code: Slug
    version: Version
    # What a file of this procedure is: a request for access, a declaration, a change…
    type: CaseType
    title: Text
    short_title: Text
    summary: Text
    valid_from: date
    valid_until: date | None = None
    committee: Slug | None = None  # A28: which committee is configuration
    authority: Authority = UNNAMED
    appeals: tuple[Appeal, ...] = ()  # of a refusal
    dataset_kinds: tuple[Literal["main_base", "catalogue"], ...] = ()
    # The stage whose act creates rights; none: a course that opens nothing, without terms.
    grants_on: Code | None = None
    form: Slug  # what the applicant fills in: `forms/<code>-<version>.toml`
    form_version: Version = 1
    signature: Signature
    convention: Convention | None = None
    # Terms of rights that an outcome opens, without a convention: from the day of its act.
    access: Access | None = None
    pieces: tuple[Piece, ...]
    required_fields: tuple[RequiredField, ...] = ()
    stages: Annotated[tuple[StageOfKind, ...], Field(min_length=1)]
    tasks: tuple[TaskRule, ...] = ()

    @model_validator(mode="after")
    def names_exist(self) -> "Procedure":
        if found := faults(self):
            raise Incoherent(found)
        return self

    @property
    def terms(self) -> Access:
        """What its rights may be. Raises LookupError for a course that opens none."""
        terms = self.convention or self.access
        if terms is None:
            raise LookupError(f"procedure {self.code} v{self.version} opens no rights")
        return terms

    @property
    def by_convention(self) -> bool:
        """Whether a convention says its rights; else an outcome opens them, or none is."""
        return self.convention is not None

    @property
    def opens_rights(self) -> bool:
        """Whether one of its acts gives access to data: without, nothing is said of access."""
        return self.grants_on is not None

    def stage(self, code: str) -> Stage:
        """Raises LookupError for a stage this procedure does not have."""
        for stage in self.stages:
            if stage.code == code:
                return stage
        raise LookupError(f"procedure {self.code} v{self.version} has no stage {code!r}")

    def committee_of(self, stage: Stage) -> str | None:
        """Code of the committee that a stage is before."""
        return stage.its_committee or self.committee

    @property
    def committees(self) -> frozenset[str]:
        """Codes of every committee that gives an opinion."""
        named = (self.committee, *(stage.its_committee for stage in self.stages))
        return frozenset(code for code in named if code)

    def piece(self, code: str) -> Piece:
        """Raises LookupError."""
        for piece in self.pieces:
            if piece.code == code:
                return piece
        raise LookupError(f"procedure {self.code} v{self.version} has no piece {code!r}")

    def task(self, code: str) -> TaskRule:
        """Raises LookupError."""
        for task in self.tasks:
            if task.code == code:
                return task
        raise LookupError(f"procedure {self.code} v{self.version} has no task {code!r}")

    def position(self, code: str) -> int:
        """Rank of a stage, from 0."""
        return [stage.code for stage in self.stages].index(code)

    def required_pieces(self, facts: Mapping[str, Any]) -> list[Piece]:
        """Pieces the file must hold, by its facts."""
        return [piece for piece in self.pieces if piece.needed(facts)]

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
