"""What a request and a stage may be in, who may move something, what an outcome does to a request,
and how one line of a table is written.

No Django: the tables of kinds (`procedures.kinds`) and of the request
(`workflow.definition`) are made of these.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

from portal.common.machine import Transition, transition


__all__ = [
    "CHOSEN",
    "EFFECTS",
    "FINAL",
    "OPEN",
    "OVER",
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


OVER = frozenset({Stage.DONE, Stage.SKIPPED})
OPEN = frozenset({Stage.RUNNING, Stage.PAUSED})
FINAL = frozenset(
    {
        Request.REFUSED,
        Request.CLOSED_INCOMPLETE,
        Request.REDIRECTED,
        Request.WITHDRAWN,
        Request.CLOSED,
    }
)

_R = Request
# What the outcome of a stage entails for the whole request, by what a file calls it; never asked
# for.
EFFECTS: Mapping[str, Transition] = MappingProxyType(
    {
        "processing": transition("process", (_R.SUBMITTED,), _R.PROCESSING),
        "in_force": transition("put_in_force", (_R.PROCESSING,), _R.IN_FORCE),
        "refused": transition("refuse", (_R.PROCESSING,), _R.REFUSED),
        "redirected": transition("redirect", (_R.SUBMITTED,), _R.REDIRECTED),
        "closed_incomplete": transition(
            "close_incomplete", (_R.SUBMITTED, _R.INCOMPLETE), _R.CLOSED_INCOMPLETE
        ),
        "withdrawn": transition("give_up", (_R.PROCESSING,), _R.WITHDRAWN),
        # From `processing`: a course that opens no rights.
        "closed": transition("close", (_R.PROCESSING, _R.IN_FORCE), _R.CLOSED),
    }
)


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
