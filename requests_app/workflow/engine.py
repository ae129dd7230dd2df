"""`apply()`: the one way in which a request or a stage moves, and the only transaction of a move.

Lock (request, stage, then grants), check, write, log, audit, messages; effects after the commit.
"""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.record import record, record_refusal
from portal.common.calendar import legal_now
from portal.common.machine import Transition
from requests_app.models import AccessRequest, Act, Stage, StageState, Task
from requests_app.rights import permissions, standing

from . import effects, granting, guards, steps
from .catalogue import KINDS, VERBS
from .context import ActData, Context, digest, resolve_effective
from .definition import CHOSEN, REQUEST_MOVES, Actor, move_from, stage_moves
from .errors import NotAllowed, TransitionRefused, WorkflowError
from .verbs import Verb


__all__ = ["Applied", "NotAllowed", "TransitionRefused", "WorkflowError", "apply", "expire"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What came out. `already_done`: the same act was there, nothing was changed."""

    request: AccessRequest
    stage: Stage | None
    act: Act | None
    already_done: bool = False


def apply(
    target: AccessRequest | Stage | UUID | str,
    name: str,
    *,
    by: User | None,
    effective_at: datetime | date | None = None,
    **payload: Any,
) -> Applied:
    """Do one verb on a request or one of its stages.

    `by=None` is the system; `effective_at` (legal time) the day or instant of something done
    elsewhere. Raises TransitionRefused with reasons, NotAllowed, LookupError for an unknown verb or
    id, TypeError for a payload the verb does not take. Never inside another transaction.
    """
    request_id, stage_id = _ids(target)
    if by is not None:
        _let_the_clocks_speak(request_id)
    try:
        with transaction.atomic(durable=True):
            ctx, verb = _open(request_id, stage_id, name, by, effective_at, payload)
            fingerprint = digest(name, payload, effective_at)
            done = _already_done(ctx, fingerprint)
            if done is not None:
                return Applied(ctx.request, ctx.stage, done, already_done=True)
            _check(ctx, verb, effective_at)
            _write(ctx, verb, fingerprint)
            effects.announce(ctx)
    except WorkflowError as error:
        _record_refusal(error, request_id, name, by)
        raise
    for effect in ctx.after_commit:
        effect()
    return Applied(ctx.request, ctx.stage, ctx.act)


def expire(stage_id: UUID) -> Applied:
    """Let the clock of one stage take effect, as of its end. Raises TransitionRefused when not
    due."""
    return apply(stage_id, "expire", by=None)


def _ids(target: AccessRequest | Stage | UUID | str) -> tuple[UUID, UUID | None]:
    if isinstance(target, AccessRequest):
        return target.pk, None
    if isinstance(target, Stage):
        return target.request_id, target.pk
    stage = Stage.objects.filter(pk=target).values("request_id", "pk").first()
    if stage is not None:
        return stage["request_id"], stage["pk"]
    return AccessRequest.objects.values_list("pk", flat=True).get(pk=target), None


def _let_the_clocks_speak(request_id: UUID) -> None:
    """Clocks that have ended have their effect before anyone acts, on their stage or on the whole
    request, whether or not the worker was there.

    Raises TransitionRefused while one cannot: an act would be dated after what it should follow.
    """
    seen = set[UUID]()
    due = Stage.objects.due(at=legal_now()).filter(request=request_id).order_by("due_at", "pk")
    while (first := due.exclude(pk__in=seen).values_list("pk", flat=True).first()) is not None:
        try:
            expire(first)
        except WorkflowError:
            seen.add(first)  # it spoke between the query and the lock: the worker was there
        except Exception as error:
            logger.exception("the clock of stage %s did not speak", first)
            reason = _(
                "Une échéance de ce dossier n’a pas pu prendre effet : l’erreur est consignée,"
                " votre acte n’est pas enregistré. Réessayez dans quelques minutes ; si cela dure,"
                " prévenez l’exploitant du portail."
            )
            raise TransitionRefused([reason]) from error


def _open(
    request_id: UUID,
    stage_id: UUID | None,
    name: str,
    by: User | None,
    effective_at: datetime | date | None,
    payload: dict[str, Any],
) -> tuple[Context, Verb]:
    """Lock the rows, in the order that every writer keeps: request, then stage."""
    request = AccessRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    stage = None
    if stage_id is not None:
        stage = Stage.objects.select_for_update(of=("self",)).get(pk=stage_id, request=request)
        stage.request = request
    procedure = request.procedure
    moves = REQUEST_MOVES if stage is None else stage_moves(procedure.stage(stage.code))
    move = moves.get(name)
    if move is None or not move.public:
        raise LookupError(f"no verb {name!r} here")
    if stage is not None:
        move = move_from(move, stage.state)
    verb = VERBS[name]
    takes = verb.takes
    if stage is not None and granting.asked_of(procedure, procedure.stage(stage.code), name):
        takes |= granting.TAKES
    if unknown := set(payload) - takes:
        raise TypeError(f"{name} takes {sorted(takes)}, not {sorted(unknown)}")
    now = legal_now()
    effective = resolve_effective(effective_at, now=now, floor=_floor(request, stage))
    ctx = Context(request, stage, procedure, move, by, now, effective, payload)
    if task := payload.get("task"):
        ctx.task = Task.objects.select_for_update(of=("self",)).get(
            pk=task.pk if isinstance(task, Task) else task, request=request
        )
    ctx.effective_at = verb.when(ctx, effective_at)
    return ctx, verb


def _floor(request: AccessRequest, stage: Stage | None) -> datetime | None:
    """The instant of the act that an act follows: the stage's opening, or its last act in force."""
    if stage is None:
        return request.submitted_at
    last = (
        Act.objects.in_force()
        .filter(stage=stage)
        .exclude(code="expire")  # a letter of before the end may be entered after it
        .order_by("-effective_at")
        .values_list("effective_at", flat=True)
        .first()
    )
    known = [instant for instant in (stage.started_at, last) if instant is not None]
    return max(known, default=None)


def _already_done(ctx: Context, fingerprint: str) -> Act | None:
    """The act of a second click: same person, same verb, same words, date and document, and no
    place to do it again."""
    if not ctx.move.makes_act or ctx.by is None:
        return None
    state = ctx.request.state if ctx.stage is None else ctx.stage.state
    if ctx.move.target and state in ctx.move.sources:
        return None
    mine = Act.objects.filter(request=ctx.request, entered_by=ctx.by)
    if ctx.move.name == "correct_act":  # kept under the code and stage of what it corrects
        mine = mine.filter(corrects__isnull=False)
    else:
        mine = mine.filter(stage=ctx.stage, code=ctx.move.name, corrects__isnull=True)
    act = mine.order_by("-entered_at").first()
    return act if act is not None and act.data.get("_digest") == fingerprint else None


def _check(ctx: Context, verb: Verb, asked: datetime | date | None) -> None:
    """Who, from where, when, then the verb's own rules. All reasons at once."""
    held = [
        actor
        for actor in sorted(ctx.move.actors)
        if permissions.is_actor(ctx.by, actor, ctx.request, ctx.stage, ctx.task)
    ]
    if not held:
        why = permissions.why_barred(ctx.by, ctx.move.actors, ctx.request, ctx.stage, ctx.task)
        raise NotAllowed([why or _("Cet acte ne vous revient pas.")])
    state = ctx.request.state if ctx.stage is None else ctx.stage.state
    if state not in ctx.move.sources:
        raise TransitionRefused([effects.why_not_from(ctx)])
    reasons = [*_date_reasons(ctx, verb, asked), *verb.not_now(ctx), *verb.check(ctx)]
    if ctx.move.binding and held == [Actor.TEAM]:
        reasons = [*standing.why_not_bind(ctx.person, ctx.request), *reasons]
    outcome = _outcome(ctx, verb)
    if ctx.stage is not None:
        reasons += guards.why_not_end(ctx, outcome)
    if granting.opens(ctx, outcome):
        reasons += granting.refusals(ctx)
    if reasons:
        raise TransitionRefused(reasons)


def _outcome(ctx: Context, verb: Verb) -> str:
    return verb.chosen(ctx) if ctx.move.outcome == CHOSEN else ctx.move.outcome


def _date_reasons(ctx: Context, verb: Verb, asked: datetime | date | None) -> list[str]:
    if asked is None or ctx.move.name in {"expire", "correct_act"}:
        return []
    if not verb.backdated:
        return [_("Cet acte prend effet quand vous le faites : laissez la date vide.")]
    if ctx.effective_at > ctx.now:
        return [_("La date d’effet ne peut pas être dans le futur.")]
    floor = _floor(ctx.request, ctx.stage)
    if floor is not None and ctx.effective_at < floor:
        return [
            _("La date d’effet ne peut pas précéder l’acte auquel celui-ci fait suite (%(date)s).")
            % {"date": effects.day(floor)}
        ]
    return []


def _write(ctx: Context, verb: Verb, fingerprint: str) -> None:
    said = verb.act(ctx)
    opened = granting.wanted(ctx) if granting.opens(ctx, _outcome(ctx, verb)) else None
    if opened is not None:
        said.data |= granting.said(opened)
    if ctx.move.makes_act:
        ctx.act = _create_act(ctx, said, fingerprint)
    verb.write(ctx)
    if opened is not None:
        granting.open_rights(ctx, opened)
    if ctx.move.target:
        _move(ctx, ctx.move, _outcome(ctx, verb))
    verb.follow(ctx)
    steps.entail(ctx)
    for stage in ctx.started:
        KINDS[stage.kind].settle(ctx, stage)
    _record(ctx, said)


def _move(ctx: Context, move: Transition, outcome: str) -> None:
    if ctx.stage is None:
        steps.move_request(ctx, move, ctx.effective_at)
        return
    if move.target == StageState.DONE:
        steps.end_stage(ctx, ctx.stage, move, ctx.effective_at, outcome)
        return
    steps.move_stage(ctx, ctx.stage, move, ctx.effective_at)


def _create_act(ctx: Context, said: ActData, fingerprint: str) -> Act:
    correction = {}
    if ctx.move.name == "correct_act":
        corrected = said.data.pop("_corrects")
        correction = {
            "corrects": corrected,
            "correction_reason": ctx.text("reason"),
            "stage": corrected.stage,
            "code": corrected.code,
        }
    return Act.objects.create(
        **{
            "request": ctx.request,
            "stage": ctx.stage,
            "code": ctx.move.name,
            "effective_at": ctx.effective_at,
            "entered_at": ctx.now,
            "entered_by": ctx.by,
            "data": said.data | {"_digest": fingerprint},
            "text": said.text,
            "document": said.document,
            "version": said.version or ctx.latest_version(),
            **correction,
        }
    )


def _record(ctx: Context, said: ActData) -> None:
    room = "request" if ctx.stage is None else "stage"
    record(
        f"{room}.{ctx.move.name}",
        by=ctx.by,
        on=ctx.stage or ctx.request,
        about=ctx.request.pk,
        text=said.text,
        data=said.audit
        | {"effective_at": ctx.effective_at.isoformat()}
        | ({"stage": ctx.stage.code} if ctx.stage is not None else {}),
    )


def _record_refusal(error: WorkflowError, request_id: UUID, name: str, by: User | None) -> None:
    if by is None:
        return  # the clock finding nothing due is not an event
    record_refusal(
        "request.act_refused",
        by=by,
        on=AccessRequest(pk=request_id),
        about=request_id,
        outcome="not_allowed" if isinstance(error, NotAllowed) else "refused",
        text=str(error),
        data={"verb": name},
    )
