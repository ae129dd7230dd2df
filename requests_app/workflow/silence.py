"""What people are told when a clock's end stands for an act, at once or once a task says so."""

from typing import Any

from portal.accounts.models import Role
from portal.common.calendar import PARIS
from requests_app.dossier import notices
from requests_app.models import Opinion, RequestState, Stage
from requests_app.procedures import kinds
from requests_app.procedures.kind import Trait
from requests_app.rights import recipients

from .context import Context
from .definition import FINAL
from .telling import tell_authorised


def tell(ctx: Context, stage: Stage) -> None:
    """Nothing tacit happens in silence: whoever had to act learns it from the portal, and the team
    where it decides of their request."""
    request, due = ctx.request, stage.ended_at
    spec = ctx.procedure.stage(stage.code)
    outcome = spec.outcome(stage.outcome)
    given = Opinion.objects.filter(stage=stage).first()
    me = ctx.by.pk if ctx.by is not None else None  # who concluded it knows
    told = [one for one in recipients.of_stage(stage) if one.pk != me]
    if given is None:
        words: dict[str, Any] = {
            "stage": str(spec.label),
            "outcome": str(outcome.label),
            "due": due,
        }
        notices.SilenceRecorded.tell(told, request, **words)
    else:
        chair = recipients.office(request, Role.PRESIDENT, scope=stage.committee_id)
        others = [*recipients.office(request, Role.SECRETARIAT), *told]
        notices.TacitOpinion.tell_apart(chair, others, request, due=due, deemed=str(given.deemed))
    known = {one.pk for one in told}
    team = [one for one in recipients.team(request) if one.pk not in known]
    if request.state in FINAL or outcome.request is not None:
        notices.SilenceDecided.tell(
            team,
            request,
            stage=str(spec.label),
            outcome=str(outcome.label),
            due=due,
            over=request.state in FINAL,
            refused=request.state == RequestState.REFUSED,
        )
    elif kinds.has(stage.kind, Trait.AUTHORISES):
        tell_authorised(ctx, tacit=True)


def tell_unannounced(ctx: Context, never: list[str]) -> None:
    """The law's day stands although the portal was not there to announce it: the chair and the desk
    know which announcements were never given, before anybody relies on that silence."""
    stage, clock = ctx.the_stage, ctx.spec.clock
    if not never or clock is None:
        return
    end = ctx.effective_at
    planned = [one for one in clock.reminders if one.before]
    days = sorted(one.day(end.astimezone(PARIS).date()) for one in planned if one.at in never)
    told = {one.pk: one for one in recipients.office(ctx.request, Role.SECRETARIAT)}
    if stage.committee_id is not None:
        chair = recipients.office(ctx.request, Role.PRESIDENT, scope=stage.committee_id)
        told |= {one.pk: one for one in chair}
    notices.SilenceUnannounced.tell(
        told.values(),
        ctx.request,
        stage=str(ctx.spec.label),
        due=end,
        days=days,
        none_given=len(days) == len(planned),
    )
