"""States of a request and of a stage, who may move something, how a line of a table is written.

No Django: the tables of kinds (`procedures.kinds`) and of the request
(`workflow.definition`) are made of these.
"""

from dataclasses import replace
from enum import StrEnum

from portal.common.machine import Transition, transition


__all__ = [
    "CHOSEN",
    "Actor",
    "Request",
    "Stage",
    "Transition",
    "decide",
    "end",
    "note",
    "transition",
]


class Request(StrEnum):
    DRAFT = "draft"
    AWAITING_SIGNATURE = "awaiting_signature"
    SIGNATURE_CHECK = "signature_check"  # signed on paper; the desk compares it
    SUBMITTED = "submitted"
    INCOMPLETE = "incomplete"
    PROCESSING = "processing"
    IN_FORCE = "in_force"
    REFUSED = "refused"
    CLOSED_INCOMPLETE = "closed_incomplete"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class Stage(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    SKIPPED = "skipped"


class Actor(StrEnum):
    """Who may ask for a move; `requests_app.rights.permissions` says whether a person is one."""

    TEAM = "team"
    SIGNATORY = "signatory"
    SECRETARIAT = "secretariat"
    LEGAL_OFFICER = "legal_officer"
    OPERATOR = "operator"
    HOLDER = "holder"  # of the stage
    MAIN_BASE_OFFICER = "main_base_officer"
    PRESIDENT = "president"  # of the stage's committee, not withdrawn
    MEMBER = "member"
    RAPPORTEUR = "rapporteur"
    TASK_ROLE = "task_role"  # the role that the task names
    SYSTEM = "system"


CHOSEN = "*"  # the outcome is in the payload


def end(name: str, outcome: str, *actors: Actor, **more: bool | str) -> Transition:
    """The stage ends by this outcome."""
    made = transition(name, (Stage.RUNNING,), Stage.DONE, *actors, irreversible=True, **more)
    return replace(made, outcome=outcome)


def decide(name: str, outcome: str, *actors: Actor, **more: bool | str) -> Transition:
    """An end that decides of the request, or of what is opened."""
    return end(name, outcome, *actors, needs_fresh_factor=True, **more)


def note(name: str, *actors: Actor, **more: bool | str) -> Transition:
    """An act in a running stage that moves nothing."""
    return transition(name, (Stage.RUNNING,), "", *actors, **more)
