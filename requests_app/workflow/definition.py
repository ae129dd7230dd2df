"""A case and its stages: what may move, from where to where, and who may ask for it. No Django.

Two tables: the request, its stages. Buttons, API actions, docs and tests derive from them. *Which*
stages a request has is the procedure's business (`requests_app.procedures`); what a kind of stage
can do is in `procedures.kinds`, and `stage_moves()` joins the two. What is no course of stages (a
grant, an extract, an invitation) has its own table, in the same form (`portal.common.machine`), in
its own room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal.common.machine import Transition, table, transition
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.moves import CHOSEN, Actor, Request, Stage
from requests_app.procedures.parts import Join, TaskRule
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure


__all__ = ["CHOSEN", "KINDS", "Actor", "Request", "Stage"]


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
_ALIVE = (_R.SUBMITTED, _R.INCOMPLETE, _R.PROCESSING, _R.IN_FORCE)
# A date or a number misread is put right even once the file is over.
_CORRECTABLE = (*_ALIVE, _R.REFUSED, _R.CLOSED)

REQUEST_MOVES: Mapping[str, Transition] = table(
    transition(
        "ask_signature",
        (_R.DRAFT, _R.INCOMPLETE),
        _R.AWAITING_SIGNATURE,
        Actor.TEAM,
        binding=True,
    ),
    transition("send_completion", (_R.INCOMPLETE,), _R.SUBMITTED, Actor.TEAM, binding=True),
    transition(
        "cancel_signature",
        (_R.AWAITING_SIGNATURE, _R.SIGNATURE_CHECK),
        _R.DRAFT,
        Actor.TEAM,
        target_if_numbered=str(_R.INCOMPLETE),
    ),
    transition(
        "sign",
        (_R.AWAITING_SIGNATURE,),
        _R.SUBMITTED,
        Actor.SIGNATORY,
        irreversible=True,
        needs_fresh_factor=True,
    ),
    # A signature on paper counts once the desk has compared it; the file is then deposited as
    # of the day on which it was handed in.
    transition(
        "deposit_paper",
        (_R.AWAITING_SIGNATURE,),
        _R.SIGNATURE_CHECK,
        Actor.TEAM,
        binding=True,
        needs_fresh_factor=True,
    ),
    transition(
        "verify_signature",
        (_R.SIGNATURE_CHECK,),
        _R.SUBMITTED,
        Actor.SECRETARIAT,
        irreversible=True,
        needs_fresh_factor=True,
    ),
    transition(
        "refuse_signature",
        (_R.SIGNATURE_CHECK,),
        _R.AWAITING_SIGNATURE,
        Actor.SECRETARIAT,
        needs_fresh_factor=True,
    ),
    transition(
        "contest_signature",
        (_R.SIGNATURE_CHECK,),
        _R.AWAITING_SIGNATURE,
        Actor.SIGNATORY,
        needs_fresh_factor=True,
    ),
    # "at any time before effect": once the convention has opened rights, they are closed
    # instead
    transition(
        "withdraw",
        (
            _R.DRAFT,
            _R.AWAITING_SIGNATURE,
            _R.SIGNATURE_CHECK,
            _R.SUBMITTED,
            _R.INCOMPLETE,
            _R.PROCESSING,
        ),
        _R.WITHDRAWN,
        Actor.TEAM,
        irreversible=True,
    ),
    transition("close_task", _ALIVE, "", Actor.TASK_ROLE, irreversible=True),
    transition(
        "correct_act",
        _CORRECTABLE,
        "",
        Actor.SECRETARIAT,
        Actor.LEGAL_OFFICER,
        irreversible=True,
        needs_fresh_factor=True,
    ),
    # --- entailed by the outcome of a stage, never asked for ---
    transition("await_completion", (_R.SUBMITTED,), _R.INCOMPLETE),
    transition("process", (_R.SUBMITTED,), _R.PROCESSING),
    transition("put_in_force", (_R.PROCESSING,), _R.IN_FORCE),
    transition("refuse", (_R.PROCESSING,), _R.REFUSED),
    transition("redirect", (_R.SUBMITTED,), _R.REDIRECTED),
    transition("close_incomplete", (_R.SUBMITTED, _R.INCOMPLETE), _R.CLOSED_INCOMPLETE),
    transition("give_up", (_R.PROCESSING,), _R.WITHDRAWN),
    # From `processing`: a course that opens no rights.
    transition("close", (_R.PROCESSING, _R.IN_FORCE), _R.CLOSED),
)
# The move that an outcome's effect on the request entails.
REQUEST_EFFECTS: dict[str, str] = {
    "processing": "process",
    "in_force": "put_in_force",
    "refused": "refuse",
    "redirected": "redirect",
    "closed_incomplete": "close_incomplete",
    "withdrawn": "give_up",
    "closed": "close",
}

_S = Stage


# Steps that only the engine takes, on a stage of any kind.
STAGE_STEPS: Mapping[str, Transition] = table(
    transition("start", (_S.PENDING,), _S.RUNNING),
    transition("skip", (_S.PENDING, _S.RUNNING, _S.PAUSED), _S.SKIPPED),
    transition("resume", (_S.PAUSED,), _S.RUNNING),
    transition("conclude", (_S.RUNNING,), _S.DONE),  # by the task that a clock opened
)
_EXPIRE = transition("expire", (_S.RUNNING,), "", Actor.SYSTEM)


def stage_moves(spec: StageSpec) -> dict[str, Transition]:
    """What a stage of a procedure can do, the main move first: its kind's, and its clock's end."""
    codes = {outcome.code for outcome in spec.outcomes}
    moves = {m.name: m for m in KINDS[spec.kind].moves if m.outcome in {"", CHOSEN, *codes}}
    if spec.clock is not None:
        tacit = spec.clock.on_expiry.outcome
        moves["expire"] = replace(_EXPIRE, target=str(_S.DONE), outcome=tacit) if tacit else _EXPIRE
    if spec.time_to_complete is not None:  # the applicant's own time ends too: a reminder
        both = frozenset({str(_S.RUNNING), str(_S.PAUSED)})
        moves["expire"] = replace(moves["expire"], sources=both)
    return moves


def move_from(move: Transition, state: str) -> Transition:
    """What a move of a stage does from there. The time that ends while its clock is stopped is the
    applicant's own: they are reminded, and nothing moves."""
    stopped = move.name == _EXPIRE.name and state == Stage.PAUSED
    return replace(move, target="", outcome="") if stopped else move


# --- What a move entails --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageFact:
    """What the definition needs to know of a stage; a parallel stage gives one per holder."""

    code: str
    state: str
    outcome: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that follows: a stage that starts (`at`: its joins' last end) or is skipped."""

    name: Literal["start", "skip"]
    code: str
    at: datetime | None


_Verdict = Literal["met", "waiting", "impossible"]


def judge(join: Join, facts: Sequence[StageFact]) -> tuple[_Verdict, datetime | None]:
    """Whether a join holds, and since when. A skipped stage meets a join that names no outcome."""
    mine = [fact for fact in facts if fact.code == join.stage]
    if not mine or any(fact.state not in OVER for fact in mine):
        return "waiting", None
    if join.outcomes and any(fact.outcome not in join.outcomes for fact in mine):
        return "impossible", None
    ends = [fact.ended_at for fact in mine if fact.ended_at is not None]
    return "met", max(ends, default=None)


def next_steps(procedure: Procedure, facts: Sequence[StageFact]) -> list[Step]:
    """Stages that start or are skipped now, in the procedure's order.

    `facts` holds the request's stages; a stage of the procedure without a fact counts as pending.
    """
    known = list(facts)
    steps: list[Step] = []
    for spec in procedure.stages:
        mine = [fact for fact in known if fact.code == spec.code]
        if not spec.after or any(fact.state != Stage.PENDING for fact in mine):
            continue
        verdicts = [judge(join, known) for join in spec.after]
        if any(verdict == "impossible" for verdict, _ in verdicts):
            steps.append(Step("skip", spec.code, None))
            known = [fact for fact in known if fact.code != spec.code]
            known.append(StageFact(spec.code, str(Stage.SKIPPED)))
        elif all(verdict == "met" for verdict, _ in verdicts):
            ends = [end for _, end in verdicts if end is not None]
            steps.append(Step("start", spec.code, max(ends, default=None)))
    return steps


def tasks_due(procedure: Procedure, facts: Sequence[StageFact]) -> list[TaskRule]:
    """Tasks whose joins all hold (those opened by a clock have none and are not listed)."""
    return [
        task
        for task in procedure.tasks
        if task.opens_when and all(judge(join, facts)[0] == "met" for join in task.opens_when)
    ]


def request_target(move: Transition, *, numbered: bool) -> str:
    """State a request reaches by a move."""
    return move.target_if_numbered if numbered and move.target_if_numbered else move.target
