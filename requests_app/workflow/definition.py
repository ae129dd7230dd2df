"""A case and its stages: what may move, from where to where, and who may ask for it. No Django.

Two tables: the request, its stages. Buttons, API actions, docs and tests derive from them. *Which*
stages a request has is the procedure's business (`requests_app.procedures`); what a kind of stage
can do is in `procedures.kinds`, and `stage_moves()` joins the two. What is no course of stages (a
grant, an extract, an invitation) has its own table, in the same form (`portal.common.machine`), in
its own room.
"""

from collections.abc import Mapping
from dataclasses import replace

from portal.common.machine import Transition, table, transition
from requests_app.procedures.course import StageFact, Step, judge, next_steps, tasks_due
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.moves import (
    CHOSEN,
    EFFECTS,
    FINAL,
    OPEN,
    OVER,
    Actor,
    Request,
    Stage,
)
from requests_app.procedures.parts import Stage as StageSpec


__all__ = [
    "CHOSEN",
    "FINAL",
    "KINDS",
    "OPEN",
    "OVER",
    "Actor",
    "Request",
    "Stage",
    "StageFact",
    "Step",
    "judge",
    "next_steps",
    "tasks_due",
]


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
    # --- entailed: by a request to complete the file, by the outcome of a stage ---
    transition("await_completion", (_R.SUBMITTED,), _R.INCOMPLETE),
    *EFFECTS.values(),
)
# The move that an outcome's effect on the request entails.
REQUEST_EFFECTS: dict[str, str] = {effect: move.name for effect, move in EFFECTS.items()}

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
    opening = {outcome.code for outcome in spec.outcomes if outcome.request == "in_force"}
    for move in [one for one in moves.values() if opening and one.outcome in {CHOSEN, *opening}]:
        moves[move.name] = replace(move, needs_fresh_factor=True)  # what gives access to data
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


def request_target(move: Transition, *, numbered: bool) -> str:
    """State a request reaches by a move."""
    return move.target_if_numbered if numbered and move.target_if_numbered else move.target
