"""What a verb's own move brings with it, before the procedure says what follows."""

from requests_app.models import Stage, StageState

from . import steps
from .acts.committee import withdraw_same_organisation
from .context import Context
from .definition import FINAL, REQUEST_MOVES, STAGE_STEPS


def follow(ctx: Context) -> None:
    match ctx.move.name:
        case "sign" | "send_completion" | "verify_signature":
            _deposited(ctx)
        case "request_completion":
            steps.pause_stage(ctx, ctx.the_stage, ctx.effective_at, "request_completion")
            steps.move_request(ctx, REQUEST_MOVES["await_completion"], ctx.effective_at)
        case "close_task":
            _task_closed(ctx)
        case "reopen_extract":
            steps.reopen_stage(ctx, ctx.the_stage)


def settle(ctx: Context) -> None:
    """After all stages have moved: members tied to a file just referred are withdrawn (A14)."""
    withdraw_same_organisation(ctx)


def _deposited(ctx: Context) -> None:
    """First deposit: the stages are there and the first opens. Later: the stopped check goes on."""
    stages = Stage.objects.filter(request=ctx.request)
    if not stages.exists():
        steps.create_stages(ctx)
        first = ctx.procedure.stages[0]
        steps.start_stage(ctx, first, ctx.effective_at)
        return
    for stage in stages.filter(state=StageState.PAUSED):
        stage.request = ctx.request
        steps.resume_stage(ctx, stage, ctx.effective_at)


def _task_closed(ctx: Context) -> None:
    task = ctx.task
    if task is None:
        return
    outcome = ctx.procedure.task(task.code).outcome(task.outcome)
    if outcome.effect == "end_stage" and task.stage is not None:
        stage = Stage.objects.select_for_update(of=("self",)).get(pk=task.stage.pk)
        if stage.state == StageState.RUNNING:
            # dated at the clock's end: the silence had its effect then, not when it was confirmed
            at = stage.expired_at or ctx.effective_at
            steps.end_stage(ctx, stage, STAGE_STEPS["conclude"], at, str(outcome.outcome))
    elif outcome.effect == "end_request" and ctx.request.state not in FINAL:
        steps.move_request(ctx, REQUEST_MOVES["refuse"], ctx.effective_at)
