"""The private steps: the only writer of a state, of a request's or stage's. Never called by a verb.

Each step moves one row by one line of a table, and writes its line of the log in the same
transaction.
"""

from collections.abc import Iterable
from datetime import datetime

from portal.accounts.models import Organisation
from portal.audit.record import record
from portal.common.machine import IllegalMove, Transition
from requests_app.models import (
    AccessRequest,
    RequestDataset,
    Stage,
    StagePause,
    Task,
    TransitionLog,
)
from requests_app.procedures.parts import Outcome
from requests_app.procedures.parts import Stage as StageSpec

from .context import Context
from .definition import (
    FINAL,
    OPEN,
    OVER,
    REQUEST_EFFECTS,
    REQUEST_MOVES,
    STAGE_STEPS,
    StageFact,
    next_steps,
    request_target,
    stage_moves,
    tasks_due,
)
from .kind import KINDS


def _log(
    ctx: Context, name: str, source: str, target: str, at: datetime, stage: Stage | None
) -> None:
    TransitionLog.objects.create(
        request=ctx.request,
        stage=stage,
        name=name,
        source=source,
        target=target,
        by=ctx.by,
        act=ctx.act,
        at=at,
    )


def move_request(ctx: Context, move: Transition, at: datetime) -> None:
    """Move the request, with the dates that its new state demands."""
    request, source = ctx.request, ctx.request.state
    if source not in move.sources:
        raise IllegalMove(f"request: {move.name} from {source}")
    target = request_target(move, numbered=request.number is not None)
    request.state = target
    if target in FINAL:
        request.ended_at = at
    request.save()
    _log(ctx, move.name, source, target, at, None)


def move_stage(
    ctx: Context, stage: Stage, move: Transition, at: datetime, *, outcome: str = ""
) -> None:
    """Move one stage; its due date follows."""
    source, target = stage.state, move.target
    if source not in move.sources or not target:
        raise IllegalMove(f"stage {stage.code}: {move.name} from {source}")
    stage.state = target
    if target in OVER:
        stage.ended_at = at
        stage.outcome = outcome
    elif source in OVER:
        stage.ended_at, stage.outcome = None, ""
    stage.save()
    _log(ctx, move.name, source, target, at, stage)


def refresh_due(ctx: Context, stage: Stage) -> None:
    """Compute again the due date of an open stage from its acts, pauses and extension."""
    if stage.state not in OPEN:
        return
    spec = ctx.procedure.stage(stage.code)
    stage.request = ctx.request
    due = KINDS[spec.kind].due(stage, spec)
    if due != stage.due_at:
        stage.due_at = due
        if stage.expired_at is not None and (due is None or due > ctx.now):
            stage.expired_at = None  # the clock runs again: what it had opened has no object
            drop_tasks(ctx, stage, spec)
        stage.save(update_fields=["due_at", "expired_at"])


def drop_tasks(ctx: Context, stage: Stage, spec: StageSpec) -> None:
    """Close, as without object, the open task that the end of the stage's clock had opened."""
    if spec.clock and spec.clock.on_expiry.task:
        Task.objects.filter(
            request=ctx.request, code=spec.clock.on_expiry.task, closed_at__isnull=True
        ).update(closed_at=ctx.now, closed_by=ctx.by, outcome="without_object")


def end_stage(
    ctx: Context, stage: Stage, move: Transition, at: datetime, outcome_code: str
) -> None:
    """End a stage by an outcome, then do what the outcome says of the whole request."""
    outcome = ctx.procedure.stage(stage.code).outcome(outcome_code)
    move_stage(ctx, stage, move, at, outcome=outcome_code)
    drop_tasks(ctx, stage, ctx.procedure.stage(stage.code))
    ctx.scratch["a_stage_is_over"] = True
    _on_request(ctx, outcome, at)


def _on_request(ctx: Context, outcome: Outcome, at: datetime) -> None:
    if outcome.request is None:
        return
    if outcome.request == "processing":
        ctx.request.completed_at = at
    move_request(ctx, REQUEST_MOVES[REQUEST_EFFECTS[outcome.request]], at)


# --- Stages of a request --------------------------------------------------------------------------


def create_stages(ctx: Context) -> None:
    """At the first deposit: one row per stage; a stage parallel per holder gets its rows when it
    opens."""
    Stage.objects.bulk_create(
        Stage(
            request=ctx.request,
            code=spec.code,
            kind=spec.kind,
            role=spec.role,
            position=number,
        )
        for number, spec in enumerate(ctx.procedure.stages)
        if not spec.per_holder
    )


def concerned_holders(request: AccessRequest) -> list[Organisation]:
    """Holders of the catalogue databases asked for (A5); the main base has its own officers."""
    ids = (
        RequestDataset.objects.filter(request=request, dataset__kind="catalogue")
        .values_list("dataset__holder__organisation", flat=True)
        .distinct()
    )
    return list(Organisation.objects.filter(pk__in=ids).order_by("name"))


def start_stage(ctx: Context, spec: StageSpec, at: datetime) -> None:
    """Open a stage, or all of a parallel stage's; none concerned: the stage is without object."""
    if not spec.per_holder:
        _open(ctx, spec, Stage.objects.get(request=ctx.request, code=spec.code), at)
        return
    holders = concerned_holders(ctx.request)
    for holder in holders:
        stage = Stage.objects.create(
            request=ctx.request,
            code=spec.code,
            kind=spec.kind,
            role=spec.role,
            position=ctx.procedure.position(spec.code),
            holder=holder,
        )
        _open(ctx, spec, stage, at)
    if not holders:
        stage = Stage.objects.create(
            request=ctx.request,
            code=spec.code,
            kind=spec.kind,
            role=spec.role,
            position=ctx.procedure.position(spec.code),
        )
        move_stage(ctx, stage, STAGE_STEPS["skip"], at)


def _open(ctx: Context, spec: StageSpec, stage: Stage, at: datetime) -> None:
    kind = KINDS[spec.kind]
    at = stage.started_at = kind.begins(ctx, at)
    stage.version = ctx.latest_version()
    kind.opening(ctx, stage)
    move_stage(ctx, stage, STAGE_STEPS["start"], at)
    refresh_due(ctx, stage)
    kind.opened(ctx, stage)
    record("stage.start", by=ctx.by, on=stage, about=ctx.request.pk, data={"stage": stage.code})
    ctx.started.append(stage)
    if verb := kind.ends_at_once(ctx):
        move = stage_moves(spec)[verb]
        end_stage(ctx, stage, move, at, move.outcome)


def skip_stage(ctx: Context, stage: Stage, at: datetime) -> None:
    """A stage that never opens, as of `at`: what waits for it goes on."""
    move_stage(ctx, stage, STAGE_STEPS["skip"], at)
    drop_tasks(ctx, stage, ctx.procedure.stage(stage.code))


def pause_stage(ctx: Context, stage: Stage, at: datetime, reason: str) -> None:
    """Stop the clock of a stage already moved to `paused`; the applicant has their own date."""
    stage.reminded_at = None
    stage.save(update_fields=["reminded_at"])
    StagePause.objects.create(stage=stage, started_at=at, reason=reason)
    refresh_due(ctx, stage)


def resume_stage(ctx: Context, stage: Stage, at: datetime) -> None:
    """The clock runs again from `at`, on the version that counts now: one round more."""
    stage.pauses.filter(ended_at__isnull=True).update(ended_at=at)
    stage.round += 1
    move_stage(ctx, stage, STAGE_STEPS["resume"], at)
    stage.version = ctx.latest_version()
    stage.save(update_fields=["version"])
    refresh_due(ctx, stage)


def reopen_stage(ctx: Context, stage: Stage) -> None:
    """What was concluded is to do again; stages that it opened meanwhile stay open."""
    stage.round += 1
    stage.version = ctx.latest_version()
    stage.save(update_fields=["round", "version"])
    refresh_due(ctx, stage)
    ctx.started.append(stage)


# --- What follows ---------------------------------------------------------------------------------


def facts(stages: Iterable[Stage]) -> list[StageFact]:
    """What the definition reads of stages."""
    return [StageFact(s.code, s.state, s.outcome, s.ended_at) for s in stages]


def entail(ctx: Context) -> None:
    """Do what the move entails, as the definition computes it, until nothing more follows."""
    if ctx.request.state in FINAL:
        _end_everything(ctx)
        return
    if ctx.request.number is None:
        return
    for _turn in range(len(ctx.procedure.stages) + 1):
        rows = list(Stage.objects.filter(request=ctx.request).order_by("position"))
        _open_tasks(ctx, rows)
        steps = next_steps(ctx.procedure, facts(rows))
        if not steps:
            return
        for step in steps:
            if step.name == "start":
                start_stage(ctx, ctx.procedure.stage(step.code), step.at or ctx.effective_at)
                continue
            mine = [row for row in rows if row.code == step.code]
            for stage in mine or [_placeholder(ctx, step.code)]:
                skip_stage(ctx, stage, ctx.effective_at)
    raise IllegalMove(f"{ctx.request.procedure_code}: what follows never ends")


def nothing_follows(ctx: Context) -> bool:
    """Whether this move left a request that is not over with nothing to happen: a fault of its
    file, which no checker saw."""
    ended = ctx.scratch.get("a_stage_is_over") or (
        ctx.task is not None and ctx.task.closed_at is not None
    )
    if not ended or ctx.request.state in FINAL or ctx.request.number is None:
        return False
    open_ = Stage.objects.filter(request=ctx.request, state__in=OPEN)
    tasks = Task.objects.filter(request=ctx.request, closed_at__isnull=True)
    return not (open_.exists() or tasks.exists())


def _placeholder(ctx: Context, code: str) -> Stage:
    spec = ctx.procedure.stage(code)
    return Stage.objects.create(
        request=ctx.request,
        code=code,
        kind=spec.kind,
        role=spec.role,
        position=ctx.procedure.position(code),
    )


def _open_tasks(ctx: Context, rows: list[Stage]) -> None:
    for rule in tasks_due(ctx.procedure, facts(rows)):
        if not Task.objects.filter(request=ctx.request, code=rule.code).exists():
            open_task(ctx, rule.code)


def open_task(ctx: Context, code: str) -> Task:
    """Open a task of the procedure; it blocks a stage until it is closed."""
    rule = ctx.procedure.task(code)
    task = Task.objects.create(
        request=ctx.request,
        stage=Stage.objects.filter(request=ctx.request, code=rule.stage).first(),
        code=rule.code,
        role=rule.role,
        blocks=rule.blocks,
        opened_at=ctx.now,
    )
    record("task.open", by=ctx.by, on=task, about=ctx.request.pk, data={"task": code})
    ctx.task = ctx.task or task
    return task


def _end_everything(ctx: Context) -> None:
    tasks = Task.objects.filter(request=ctx.request, closed_at__isnull=True)
    ctx.scratch["stopped_tasks"] = list(tasks.values_list("role", flat=True))
    ctx.scratch["stopped"] = list(
        Stage.objects.filter(request=ctx.request, state__in=OPEN).select_related("assignee")
    )
    for stage in Stage.objects.filter(request=ctx.request).exclude(state__in=OVER):
        stage.pauses.filter(ended_at__isnull=True).update(ended_at=ctx.effective_at)
        skip_stage(ctx, stage, ctx.effective_at)
    Task.objects.filter(request=ctx.request, closed_at__isnull=True).update(
        closed_at=ctx.now, closed_by=ctx.by, outcome="without_object"
    )
