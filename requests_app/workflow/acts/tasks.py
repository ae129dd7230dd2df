"""A task of the procedure is concluded; its effect is the procedure's."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier import notices
from requests_app.models import RequestState, Stage, StageState, Task
from requests_app.rights import recipients
from requests_app.workflow import silence, steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.definition import FINAL, REQUEST_MOVES, STAGE_STEPS
from requests_app.workflow.guards import required_text, requirements_unmet
from requests_app.workflow.kind import KINDS
from requests_app.workflow.verbs import Verb, register


@register
class CloseTask(Verb):
    """The legal check's conclusion; its effect is the procedure's."""

    name = "close_task"
    button = gettext_lazy("Conclure la vérification")
    logged = gettext_lazy("Vérification conclue")
    reserved = True
    takes = frozenset({"task", "outcome", "note"})

    def check(self, ctx: Context) -> Iterator[str]:
        task = ctx.task
        if task is None or task.closed_at is not None:
            yield _("Cette vérification est déjà close.")
            return
        if ctx.text("outcome") not in {one.code for one in ctx.procedure.task(task.code).outcomes}:
            yield _("Choisissez une conclusion.")
        else:
            yield from self._ends(ctx, task)
        yield from required_text(ctx, "note", _("Motivez la conclusion."))

    def _ends(self, ctx: Context, task: Task) -> Iterator[str]:
        """What the outcome it gives to its stage requires."""
        end = ctx.procedure.task(task.code).outcome(ctx.text("outcome"))
        if end.effect == "end_stage" and task.stage is not None:
            outcome = ctx.procedure.stage(task.stage.code).outcome(str(end.outcome))
            yield from requirements_unmet(ctx.request, outcome)

    def act(self, ctx: Context) -> ActData:
        if ctx.task is None:
            raise LookupError("checked above")
        return ActData(
            data={"task": ctx.task.code},
            text=ctx.text("note"),
            audit={"task": ctx.task.code, "outcome": ctx.text("outcome")},
        )

    def write(self, ctx: Context) -> None:
        if ctx.task is None:
            raise LookupError("checked above")
        ctx.task.closed_at = ctx.now
        ctx.task.closed_by = ctx.person
        ctx.task.outcome = ctx.text("outcome")
        ctx.task.note = ctx.text("note")
        ctx.task.save()

    def follow(self, ctx: Context) -> None:
        task = ctx.task
        if task is None:
            return
        outcome = ctx.procedure.task(task.code).outcome(task.outcome)
        if outcome.effect == "end_stage" and task.stage is not None:
            stage = Stage.objects.select_for_update(of=("self",)).get(pk=task.stage.pk)
            if stage.state == StageState.RUNNING:
                # dated at the clock's end: the silence had its effect then, not when confirmed
                at = stage.expired_at or ctx.effective_at
                stage.request = ctx.request
                KINDS[stage.kind].silent(ctx, stage, at)
                ctx.scratch["concluded"] = stage
                steps.end_stage(ctx, stage, STAGE_STEPS["conclude"], at, str(outcome.outcome))
        elif outcome.effect == "end_request" and ctx.request.state not in FINAL:
            steps.move_request(ctx, REQUEST_MOVES["refuse"], ctx.effective_at)

    def tell(self, ctx: Context) -> None:
        if ctx.task is None:
            return
        rule = ctx.procedure.task(ctx.task.code)
        outcome = rule.outcome(ctx.task.outcome)
        if (stage := ctx.scratch.get("concluded")) is not None:
            silence.tell(ctx, stage)
        elif ctx.request.state == RequestState.REFUSED:
            # the conclusion only: the analysis is the desk's
            message = f"{rule.label} : {outcome.label}."
            notices.Refused.tell(recipients.team(ctx.request), ctx.request, message=message)
