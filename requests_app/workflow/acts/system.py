"""What the clock does when a period ends, as the procedure says; dated at the end, never later."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.common.calendar import deadline
from requests_app.models import StageState
from requests_app.workflow import reminders, silence, steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.kind import KINDS
from requests_app.workflow.verbs import Verb, register


@register
class Expire(Verb):
    """The clock's end: an outcome of its own, a task, a message to the desk, or a reminder."""

    name = "expire"
    button = gettext_lazy("Constater la fin du délai")
    logged = gettext_lazy("Fin du délai")

    def check(self, ctx: Context) -> Iterator[str]:
        stage = ctx.the_stage
        done = stage.reminded_at if stage.state == StageState.PAUSED else stage.expired_at
        if stage.due_at is None or stage.due_at >= ctx.now or done is not None:
            yield _("Cette échéance n’est pas encore passée, ou elle a déjà eu son effet.")

    def when(self, ctx: Context, asked: datetime | date | None) -> datetime:
        return ctx.the_stage.due_at or ctx.effective_at

    def act(self, ctx: Context) -> ActData:
        said: dict[str, Any] = {"effect": self._effect(ctx)}
        if said["effect"] in {"outcome", "task"}:
            never = [one.at for one in reminders.never_given(ctx.the_stage)]
            said |= {"unannounced": never} if never else {}
        return ActData(data=said, audit=said)

    def _effect(self, ctx: Context) -> str:
        if ctx.spec.clock is None:
            raise LookupError(f"stage {ctx.the_stage.code} has no clock")
        if ctx.the_stage.state == StageState.PAUSED:
            return "remind_applicant"
        return ctx.spec.clock.on_expiry.effect

    def write(self, ctx: Context) -> None:
        stage, clock = ctx.the_stage, ctx.spec.clock
        if clock is None or stage.due_at is None:
            raise LookupError(f"stage {stage.code} has no clock")
        end = stage.due_at
        match self._effect(ctx):
            case "remind_applicant":
                stage.reminded_at = end
            case "outcome":
                stage.expired_at = end
                KINDS[stage.kind].silent(ctx, stage, end)
            case "task":
                stage.expired_at = end
                # A17: a person of the law concludes; the machine never writes an authorisation.
                steps.open_task(ctx, str(clock.on_expiry.task))
            case "escalate":
                stage.expired_at = end
            case "remind":
                stage.reminded_at = end
                stage.due_at = deadline(end, str(clock.period))  # the next reminder
        stage.save(update_fields=["expired_at", "reminded_at", "due_at"])

    def tell(self, ctx: Context) -> None:
        KINDS[ctx.the_stage.kind].tell_expired(ctx, ctx.the_act.data["effect"])
        silence.tell_unannounced(ctx, ctx.the_act.data.get("unannounced", []))
