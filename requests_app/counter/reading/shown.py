"""What the tabs of a request show, as frozen values: a template knows what exists, and asks the
database nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


TONES = {"open": "success", "failed": "error", "suspended": "warning", "closing": "warning"}

# A heading and what is said under it.
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ShownFile:
    name: str
    size: int  # bytes
    url: str


@dataclass(frozen=True, slots=True)
class ShownPiece:
    label: str
    review: str  # in words
    file: ShownFile | None
    waiver_reason: str
    review_comment: str


@dataclass(frozen=True, slots=True)
class ShownPerson:
    """Somebody of the file."""

    name: str
    organisations: Sequence[str]
    kind: str  # in words
    has_data_access: bool


@dataclass(frozen=True, slots=True)
class ShownOpinion:
    number: str
    sense: str  # in words
    issued_at: datetime
    version: int
    deemed: Any  # of a silence, what it is deemed to be, in words
    present: Sequence[str]
    apart: Sequence[tuple[str, list[str]]]  # a cause and who stood down for it
    facts: Facts
    answered: Sequence[dict[str, Any]]  # its points, each with the applicant's answer
    url: str  # of the document; empty while there is none
    document_late: bool  # it was tried, and could not be made
    document_words: str


@dataclass(frozen=True, slots=True)
class ShownReport:
    pk: UUID
    author: str
    stood_down: bool
    facts: Facts
    points: Sequence[Any]


@dataclass(frozen=True, slots=True)
class ShownAct:
    label: str
    effective_at: datetime
    entered_at: datetime
    entered_by: str
    details: str
    words: Sequence[str]
    file: ShownFile | None
    version: int | None
    from_applicant: bool
    corrects: bool
    correction_reason: str
    replaced: bool = False
    correct_url: str = ""


@dataclass(frozen=True, slots=True)
class ShownGrant:
    person: str
    state: str  # in words
    tone: str
    opened_at: datetime | None
    expires_at: datetime
    missing: Sequence[str]  # in words
    reason: str
    mine: bool
