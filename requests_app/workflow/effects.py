"""What people are told of a move, written in the move's own transaction."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.common.calendar import PARIS
from requests_app.dossier import notices
from requests_app.models import RequestState, StageState
from requests_app.rights import recipients, standing

from . import granting, steps
from .context import Context
from .definition import FINAL
from .kind import KINDS
from .verbs import VERBS, Verb


def day(instant: datetime) -> str:
    """An instant as its day in Paris, in words: 4 janvier 2027."""
    return date_format(localtime(instant, PARIS), "j F Y")


def why_not_from(ctx: Context) -> str:
    """Why a move is not possible from where things stand, and what it means."""
    if ctx.stage is None:
        return _("La demande est « %(state)s » : cet acte n’est pas possible.") % {
            "state": RequestState(ctx.request.state).label
        }
    stage = ctx.stage
    if stage.state == StageState.DONE and stage.outcome:
        outcome = ctx.spec.outcome(stage.outcome)
        if outcome.tacit and stage.ended_at is not None:
            return _("Le délai est échu depuis le %(date)s : %(outcome)s.") % {
                "date": day(stage.ended_at),
                "outcome": outcome.label,
            }
        return _("Cette étape est terminée : %(outcome)s.") % {"outcome": outcome.label}
    return _("Cette étape est « %(state)s » : cet acte n’est pas possible.") % {
        "state": StageState(stage.state).label
    }


def announce(ctx: Context) -> None:
    """Write the messages of a move: what happened, then what is expected of whom."""
    VERBS[ctx.move.name].tell(ctx)
    granting.announce(ctx)
    if ctx.request.state in FINAL:
        _ended(ctx)
    for stage in ctx.started:
        if stage.state == StageState.RUNNING:
            KINDS[stage.kind].expect(ctx, stage)
    if steps.nothing_follows(ctx):
        notices.NothingFollows.tell(recipients.office(ctx.request, Role.SECRETARIAT), ctx.request)
    if ctx.task is not None and ctx.task.closed_at is None:
        rule = ctx.procedure.task(ctx.task.code)
        notices.TaskOpened.tell(
            recipients.office(ctx.request, Role(rule.role)),
            ctx.request,
            task=str(rule.label),
            todo=str(rule.expected),
        )


def _ended(ctx: Context) -> None:
    """No end is silent: whoever had something under way, the desk, and the team."""
    stopped: list[User] = [
        person
        for stage in ctx.scratch.get("stopped", [])
        if stage.role != "applicant"
        for person in recipients.of_stage(stage)
    ]
    stopped += recipients.office(
        ctx.request, *(Role(role) for role in ctx.scratch.get("stopped_tasks", []))
    )
    known = ctx.request.number is not None or ctx.scratch.get("checking")
    desk = [*recipients.office(ctx.request, Role.SECRETARIAT)] if known else []
    team = {one.pk: one for one in recipients.team(ctx.request)}
    others = [
        one
        for one in [*desk, *stopped]
        if one.pk not in team and (ctx.by is None or one.pk != ctx.by.pk)
    ]
    message = ctx.act.text if ctx.act is not None and ctx.move.name == "withdraw" else ""
    if ctx.request.state == RequestState.WITHDRAWN:
        notices.Withdrawn.tell(others, ctx.request, team=False, message=message)
        notices.Withdrawn.tell(
            team.values(), ctx.request, team=True, message=message, person=str(ctx.by or "")
        )
        if ctx.scratch.get("unsigned"):
            told = [one for one in standing.representatives(ctx.request) if one.pk not in team]
            notices.SignatureCancelled.tell(told, ctx.request, withdrawn=True)
        return
    if type(VERBS[ctx.move.name]).tell is Verb.tell:  # no message of its own says it to the team
        others += team.values()
    state = str(RequestState(ctx.request.state).label)
    notices.Ended.tell(others, ctx.request, state=state)
