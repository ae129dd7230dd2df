"""What people are told of a move, written in the move's own transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.common.calendar import PARIS
from requests_app.dossier import notices
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Opinion, RequestState, RequestVersion, Stage, StageState, Task
from requests_app.procedures.kinds import completeness
from requests_app.procedures.words import period_in_words
from requests_app.rights import recipients, standing

from . import guards, silence
from .context import Context
from .definition import FINAL


def day(instant: datetime) -> str:
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


_EXPECTED: dict[str, type[RequestNotice]] = {
    "completeness": notices.CompletenessExpected,
    "holder": notices.RemarkExpected,
    "opinion": notices.InterestExpected,
    "answer": notices.AnswerExpected,
    "referral": notices.ReferralExpected,
    "authorisation": notices.AuthorisationExpected,
    "conformity": notices.ConformityExpected,
    "register": notices.RegisterExpected,
    "convention": notices.ConventionExpected,
    "extract": notices.ExtractExpected,
    "opening": notices.OpeningExpected,
    "use": notices.AccessOpen,
    "closure": notices.ClosureExpected,
}


def announce(ctx: Context) -> None:
    """Write the messages of a move: what happened, then what is expected of whom."""
    tell = _OF_MOVE.get(ctx.move.name)
    if tell is not None:
        tell(ctx)
    if ctx.request.state in FINAL:
        _ended(ctx)
    for stage in ctx.started:
        if stage.state == StageState.RUNNING:
            _expect(ctx, stage)
    if ctx.task is not None and ctx.task.closed_at is None:
        rule = ctx.procedure.task(ctx.task.code)
        notices.TaskOpened.tell(
            recipients.office(ctx.request, Role(rule.role)),
            ctx.request,
            task=str(rule.label),
            todo=str(rule.expected),
        )


def _expect(ctx: Context, stage: Stage) -> None:
    more: dict[str, Any] = {}
    people = recipients.of_stage(stage)
    if stage.kind == "holder" and stage.holder is not None:
        more["holder"] = stage.holder.name
    if stage.kind == "answer":
        opinion = Stage.objects.of_kind("opinion").filter(request=ctx.request).first()
        if opinion is not None and opinion.outcome:
            outcome = ctx.procedure.stage(opinion.code).outcome(opinion.outcome)
            given = Opinion.objects.filter(stage=opinion).first()
            more |= {
                "sense": str(outcome.label).split(",")[0],
                "points": bool(given and given.points),
                "deemed": str(given.deemed) if given else "",
            }
        go = ctx.procedure.stage(stage.code).outcome("go")
        more["blocked"] = " ".join(guards.requirements_unmet(ctx.request, go))
    if stage.kind == "extract":
        more["lost"] = ctx.the_act.text if ctx.move.name == "reopen_extract" else ""
    more |= {"due": stage.due_at, "stage": stage.code}
    if stage.kind == "use":
        notices.AccessOpen.tell_apart(recipients.named(ctx.request), people, ctx.request, **more)
        return
    _EXPECTED[stage.kind].tell(people, ctx.request, **more)


def _due_of(ctx: Context, kind: str) -> datetime | None:
    return (
        Stage.objects.of_kind(kind)
        .filter(request=ctx.request)
        .values_list("due_at", flat=True)
        .first()
    )


def _awaited(ctx: Context) -> None:
    version = RequestVersion.objects.filter(
        request=ctx.request, status=RequestVersion.Status.AWAITING
    ).first()
    if version is not None:
        notices.SignatureAsked.tell(
            recipients.signatories(ctx.request),
            ctx.request,
            version=version.number,
            sha256=version.sha256,
            page=reverse("requests_app:sign", args=[ctx.request.pk]),
        )


def _signature_cancelled(ctx: Context) -> None:
    to = [*recipients.signatories(ctx.request)]
    if ctx.scratch.get("checking"):
        to += [
            *standing.representatives(ctx.request),
            *recipients.office(ctx.request, Role.SECRETARIAT),
        ]
    notices.SignatureCancelled.tell(to, ctx.request)


def _both_sides(ctx: Context) -> list[User]:
    """The team, and everyone who signs for the organisation."""
    return [*recipients.team(ctx.request), *standing.representatives(ctx.request)]


def _paper(ctx: Context) -> None:
    version = ctx.the_act.version
    more = {"version": version.number if version else "", "sha256": ctx.the_act.data["sha256"]}
    more |= {"signatory": ctx.the_act.data["signatory"], "person": str(ctx.by)}
    page = reverse("requests_app:sign", args=[ctx.request.pk])
    notices.PaperDeposited.tell(_both_sides(ctx), ctx.request, page=page, **more)
    notices.SignatureCheckExpected.tell(
        recipients.office(ctx.request, Role.SECRETARIAT),
        ctx.request,
        **more,
    )


def _verified(ctx: Context) -> None:
    notices.SignatureVerified.tell(
        _both_sides(ctx),
        ctx.request,
        signatory=ctx.the_act.data["signatory"],
        officer=ctx.the_act.data["officer"],
        contested=ctx.the_act.data.get("contested", ""),
        deposited=ctx.effective_at,
    )
    _deposited(ctx)


def _sent_back(ctx: Context) -> None:
    contested = ctx.move.name == "contest_signature"
    said = {"message": ctx.the_act.text, "version": ctx.the_act.data["version"]}
    said |= {"contested": contested}
    page = reverse("requests_app:sign", args=[ctx.request.pk])
    notices.SignatureRefused.tell(_both_sides(ctx), ctx.request, page=page, **said)
    if contested:
        desk = recipients.office(ctx.request, Role.SECRETARIAT)
        notices.SignatureRefused.tell(desk, ctx.request, **said)


def _signed(ctx: Context) -> QuerySet[RequestVersion]:
    """The version of the act, as the verb wrote it."""
    if ctx.the_act.version is None:
        return RequestVersion.objects.none()
    return RequestVersion.objects.filter(pk=ctx.the_act.version.pk)


def _deposited(ctx: Context) -> None:
    if ctx.started:
        due = ctx.started[0].due_at
        # The receipt is for the team and for whoever signed.
        to = {one.pk: one for one in recipients.team(ctx.request)}
        for one in User.objects.filter(pk__in=_signed(ctx).values("signed_by")):
            to[one.pk] = one
        notices.Deposited.tell(to.values(), ctx.request, due=due)
        return
    version = ctx.the_act.version
    stage = Stage.objects.of_kind("completeness").filter(request=ctx.request).first()
    if stage is not None:
        notices.CompletionReceived.tell(
            recipients.of_stage(stage),
            ctx.request,
            version=version.number if version else "",
            due=stage.due_at,
        )


def _completion(ctx: Context) -> None:
    """The single message, by when it is to be answered, and how many more there may be."""
    sent = ctx.the_stage.acts.filter(code="request_completion").count()
    labels = {piece.code: str(piece.label) for piece in ctx.procedure.pieces}
    data, said = ctx.the_act.data, ctx.the_act.text
    pieces = [  # what the desk's own words do not say already
        {"label": labels.get(one["code"], one["code"]), "comment": one["comment"]}
        for one in data["pieces"]
        if not (one["comment"] and one["comment"] in said)
    ]
    notices.CompletionRequested.tell(
        recipients.team(ctx.request),
        ctx.request,
        pieces=pieces,
        count=len(data["pieces"]),
        last=data["last"],
        second=sent == 2,
        left=completeness.rounds(ctx.spec) - sent,
        message=said,
        due=ctx.the_stage.due_at,
    )


def _complete(ctx: Context) -> None:
    notices.Complete.tell(recipients.team(ctx.request), ctx.request, due=_due_of(ctx, "opinion"))


def _team(notice: type[RequestNotice]) -> Callable[[Context], None]:
    def tell(ctx: Context) -> None:
        act = ctx.act
        notice.tell(
            recipients.team(ctx.request),
            ctx.request,
            message=act.text if act else "",
            route=act.data.get("route", "") if act else "",
            reference=act.data.get("number", "") if act else "",
            due=ctx.stage.due_at if ctx.stage else None,
        )

    return tell


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
    state = str(RequestState(ctx.request.state).label)
    notices.Ended.tell(others, ctx.request, state=state)


def _rapporteurs(ctx: Context) -> None:
    notices.RapporteurAssigned.tell(ctx.people("members"), ctx.request, due=ctx.the_stage.due_at)


def _report(ctx: Context) -> None:
    notices.ReportFiled.tell(
        recipients.office(ctx.request, Role.PRESIDENT, scope=ctx.the_stage.committee_id),
        ctx.request,
        due=ctx.the_stage.due_at,
    )


def _convention(ctx: Context) -> None:
    permit = ctx.the_act.permit
    named, team = recipients.named(ctx.request), recipients.team(ctx.request)
    notices.ConventionSigned.tell_apart(named, team, ctx.request, due=permit.expires_at)


def _task_closed(ctx: Context) -> None:
    if ctx.task is None:
        return
    rule = ctx.procedure.task(ctx.task.code)
    outcome = rule.outcome(ctx.task.outcome)
    if ctx.request.state == RequestState.REFUSED:
        # the conclusion only: the analysis is the desk's
        message = f"{rule.label} : {outcome.label}."
        notices.Refused.tell(recipients.team(ctx.request), ctx.request, message=message)
    elif outcome.effect == "end_stage":
        _authorised(ctx, tacit=True)


def _authorised(ctx: Context, *, tacit: bool = False) -> None:
    waiting = Task.objects.filter(request=ctx.request, closed_at__isnull=True).exclude(blocks="")
    notices.Authorised.tell(
        recipients.team(ctx.request),
        ctx.request,
        tacit=tacit,
        reference=ctx.the_act.data.get("number", ""),
        checking=waiting.exists(),
    )


def _referred(ctx: Context) -> None:
    """How long the authority has, as the procedure says."""
    clocks = [one.clock for one in ctx.procedure.stages if one.clock]
    clock = next((one for one in clocks if one.start == "receipt"), None)
    period, extension = (clock.period, clock.extension) if clock else (None, None)
    notices.ReferralSent.tell(
        recipients.team(ctx.request),
        ctx.request,
        period=period_in_words(period) if period else "",
        extension=period_in_words(extension.by) if extension else "",
    )


def _expired(ctx: Context) -> None:
    effect = ctx.the_act.data["effect"]
    if effect == "remind_applicant":
        since = ctx.the_stage.pauses.filter(ended_at__isnull=True).values_list("started_at").first()
        more: dict[str, Any] = {"since": since[0] if since else None, "due": ctx.effective_at}
        notices.CompletionReminder.tell(recipients.team(ctx.request), ctx.request, **more)
        notices.CompletionOverdue.tell(recipients.of_stage(ctx.the_stage), ctx.request, **more)
    elif effect == "escalate":
        notices.Escalated.tell(
            recipients.office(ctx.request, Role.SECRETARIAT),
            ctx.request,
            stage=str(ctx.spec.label),
            due=ctx.effective_at,
        )
    elif effect == "remind":
        notices.AnswerReminder.tell(
            recipients.of_stage(ctx.the_stage), ctx.request, since=ctx.the_stage.started_at
        )
    elif effect == "outcome" and ctx.spec.clock and ctx.spec.clock.start != "permit_end":
        silence.tell(ctx)


_OF_MOVE: dict[str, Callable[[Context], None]] = {
    "ask_signature": _awaited,
    "cancel_signature": _signature_cancelled,
    "sign": _deposited,
    "deposit_paper": _paper,
    "verify_signature": _verified,
    "refuse_signature": _sent_back,
    "contest_signature": _sent_back,
    "send_completion": _deposited,
    "request_completion": _completion,
    "accept_completeness": _complete,
    "redirect": _team(notices.Redirected),
    "close_incomplete": _team(notices.ClosedIncomplete),
    "assign_rapporteurs": _rapporteurs,
    "file_report": _report,
    "extend_opinion": _team(notices.OpinionExtended),
    "file_late_opinion": _team(notices.LateOpinion),
    "record_referral": _referred,
    "record_authorisation": _authorised,
    "record_refusal": _team(notices.Refused),
    "record_convention": _convention,
    "close": _team(notices.Closed),
    "close_task": _task_closed,
    "expire": _expired,
}
