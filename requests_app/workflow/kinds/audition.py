"""The audition: convened on a date, both sides reminded before it, recorded once held."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role
from portal.common import sweeps
from portal.common.calendar import PARIS, deadline, legal_now, legal_today
from portal.common.templatetags.portal import long_date, moment
from portal.common.units import add_period
from requests_app.deadlines.clock import computed_due
from requests_app.dossier.notices import Escalated, RequestNotice
from requests_app.models import Act, Stage, StageState
from requests_app.procedures.kinds.audition import notice_of, reminder_of
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.rights import recipients
from requests_app.workflow import steps
from requests_app.workflow.committee_stage import CommitteeKind, why_not_seated
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import express_sense, required_text
from requests_app.workflow.kind import register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.verbs import Asked, Verb, register


TO_RECORD = "1wd"


class AuditionExpected(RequestNotice):
    code = "request.expected_audition"
    label = gettext_lazy("audition à tenir")


class AuditionConvened(RequestNotice):
    code = "request.audition_convened"
    label = gettext_lazy("audition convoquée")


class AuditionReminder(RequestNotice):
    code = "request.audition_reminder"
    label = gettext_lazy("rappel de l’audition")


class AuditionRecorded(RequestNotice):
    code = "request.audition_recorded"
    label = gettext_lazy("audition enregistrée")


def convocation(stage: Stage) -> Act | None:
    """The one that counts: the last."""
    acts = Act.objects.in_force().filter(stage=stage, code=ConveneAudition.name)
    return acts.order_by("-entered_at").first()


def held_at(stage: Stage) -> datetime | None:
    """The instant for which the audition is convened; None before it is."""
    act = convocation(stage)
    return datetime.fromisoformat(act.data["held_at"]) if act is not None else None


def earliest_day(spec: StageSpec) -> date:
    """First day that leaves the notice the procedure asks for."""
    return add_period(legal_today(), notice_of(spec)) + timedelta(days=1)


def latest_day(spec: StageSpec) -> date:
    """Last day for which it may be convened: a year for the diary, whatever the notice."""
    return add_period(earliest_day(spec), "1y")


def _own_end(stage: Stage, spec: StageSpec) -> datetime:
    """By when its clock awaits it, whatever it was convened for since; a year for one that has not
    begun."""
    due = computed_due(stage, spec.clock)
    return due or deadline(stage.started_at or legal_now(), "1y")


def too_early(stage: Stage) -> str:
    """Why the audition cannot be recorded yet; empty once it has begun."""
    at = held_at(stage)
    if at is None:
        return _("Convoquez d’abord l’audition.")
    if at > legal_now():
        return _("L’audition est convoquée pour le %(date)s : enregistrez-la une fois tenue.") % {
            "date": moment(at)
        }
    return ""


def _convened(ctx: Context, notice: type[RequestNotice]) -> None:
    """The applicant comes, the committee hears: each told what is theirs to do."""
    act = convocation(ctx.the_stage)
    if act is None:
        return
    notice.tell_apart(
        recipients.team(ctx.request),
        recipients.of_stage(ctx.the_stage),
        ctx.request,
        held_at=datetime.fromisoformat(act.data["held_at"]),
        place=act.data["place"],
        message=act.data["message"],
    )


@register
class ConveneAudition(Verb):
    """The day, the hour and the place; convened again, the last one counts."""

    name = "convene_audition"
    button = gettext_lazy("Convoquer l’audition")
    logged = gettext_lazy("Audition convoquée")
    exchanged = "counter"
    takes = frozenset({"on", "hour", "place", "message"})

    def _at(self, ctx: Context) -> datetime | None:
        day, hour = ctx.day("on"), ctx.payload.get("hour")
        if isinstance(hour, str):
            try:
                hour = time.fromisoformat(hour)
            except ValueError:
                return None
        return datetime.combine(day, hour, tzinfo=PARIS) if day and hour else None

    def check(self, ctx: Context) -> Iterator[str]:
        at = self._at(ctx)
        if at is None:
            yield _("Indiquez le jour et l’heure de l’audition.")
        elif at.date() < earliest_day(ctx.spec):
            yield _("Laissez au demandeur le temps de se préparer : à partir du %(date)s.") % {
                "date": long_date(earliest_day(ctx.spec))
            }
        elif at.date() > latest_day(ctx.spec):
            yield _("Convoquez l’audition le %(date)s au plus tard.") % {
                "date": long_date(latest_day(ctx.spec))
            }
        yield from required_text(ctx, "place", _("Indiquez le lieu, ou le lien de la réunion."))

    def act(self, ctx: Context) -> ActData:
        at = self._at(ctx)
        if at is None:
            raise LookupError("checked above")
        said = _("Audition le %(date)s, %(place)s.") % {
            "date": moment(at),
            "place": ctx.line("place"),
        }
        data = {"held_at": at.isoformat(), "place": ctx.line("place")}
        return ActData(
            data=data | {"message": ctx.text("message")},
            text="\n".join(filter(None, [said, ctx.text("message")])),
            audit={"held_at": at.isoformat()},
        )

    def write(self, ctx: Context) -> None:
        ctx.the_stage.reminded_at = None
        ctx.the_stage.save(update_fields=["reminded_at"])
        steps.refresh_due(ctx, ctx.the_stage)

    def tell(self, ctx: Context) -> None:
        _convened(ctx, AuditionConvened)
        self._tell_beyond(ctx)

    def _tell_beyond(self, ctx: Context) -> None:
        """Put off past its own clock, each time: the opinion and its clock wait for it."""
        stage, at = ctx.the_stage, self._at(ctx)
        end = _own_end(stage, ctx.spec)
        if at is None or at <= end:
            return
        chair = recipients.office(ctx.request, Role.PRESIDENT, scope=stage.committee_id)
        desk = recipients.office(ctx.request, Role.SECRETARIAT)
        told = {one.pk: one for one in [*chair, *desk]}
        stage_named = str(ctx.spec.label)
        Escalated.tell(told.values(), ctx.request, stage=stage_named, due=end, put_off=at)

    def already(self, stage: Stage, asked: Asked) -> bool:
        return held_at(stage) is not None


@register
class RemindAudition(Verb):
    """Before the date, once for each convocation; the clock plays it."""

    name = "remind_audition"
    button = gettext_lazy("Rappeler l’audition")
    logged = gettext_lazy("Audition rappelée")
    reserved = True

    def _coming(self) -> QuerySet[Stage]:
        rows = Stage.objects.filter(
            kind=Audition.code,
            state=StageState.RUNNING,
            reminded_at__isnull=True,
            due_at__gt=legal_now(),
            acts__code=ConveneAudition.name,
        )
        return rows.distinct()

    def ripe(self) -> QuerySet[Stage]:
        rows = self._coming().select_related("request")
        rows = rows.defer("request__content", "request__orientation")
        near = list[UUID]()

        def find(stage: Stage) -> bool:
            if self._is_near(stage):
                near.append(stage.pk)
            return True

        sweeps.each(rows, find, what=self.name)  # one whose file is gone hides no other
        return Stage.objects.filter(pk__in=near)

    def is_ripe(self, ctx: Context) -> bool:
        """The same of one stage: a sweep has no place inside the transaction of an act."""
        found = self._coming().filter(pk=ctx.the_stage.pk)
        return found.exists() and self._is_near(ctx.the_stage)

    def _is_near(self, stage: Stage) -> bool:
        spec, at = stage.request.procedure.stage(stage.code), held_at(stage)
        near = add_period(legal_today(), reminder_of(spec))
        return at is not None and at > legal_now() and at.astimezone(PARIS).date() <= near

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _("Le rappel de l’audition n’est pas à envoyer maintenant.")

    def write(self, ctx: Context) -> None:
        ctx.the_stage.reminded_at = ctx.now
        ctx.the_stage.save(update_fields=["reminded_at"])

    def tell(self, ctx: Context) -> None:
        _convened(ctx, AuditionReminder)


@register
class RecordAudition(Verb):
    """Held, or not for want of the applicant; its words are the committee's. Its date is the
    convocation's; what follows it follows the day on which it is recorded."""

    name = "record_audition"
    button = gettext_lazy("Enregistrer l’audition")
    logged = gettext_lazy("Audition enregistrée")
    takes = frozenset({"outcome", "text", "present"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        if why := too_early(ctx.the_stage):
            yield why

    def check(self, ctx: Context) -> Iterator[str]:
        yield from express_sense(ctx, ctx.text("outcome"))
        yield from required_text(ctx, "text", _("Rendez compte de l’audition en quelques lignes."))
        present = ctx.people("present")
        if not present:
            yield _("Indiquez les membres présents.")
        yield from why_not_seated(ctx, present)

    def chosen(self, ctx: Context) -> str:
        return ctx.text("outcome")

    def act(self, ctx: Context) -> ActData:
        present = [str(member.pk) for member in ctx.people("present")]
        return ActData(
            data={"present": present},
            text=ctx.text("text"),
            audit={"outcome": ctx.text("outcome"), "present": present},
        )

    def tell(self, ctx: Context) -> None:
        AuditionRecorded.tell_apart(
            recipients.of_stage(ctx.the_stage),
            recipients.team(ctx.request),
            ctx.request,
            outcome=str(ctx.spec.outcome(ctx.the_stage.outcome).label),
            held_at=held_at(ctx.the_stage),
        )


@register_kind
class Audition(CommitteeKind):
    code = "audition"
    expected = AuditionExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        self.declare(play)
        day = earliest_day(play.spec)
        play.do(ConveneAudition.name, on=day, hour="14:30", place=WORDS, message=WORDS)
        at = held_at(play.stage) or legal_now()
        while (tomorrow := legal_now() + timedelta(days=1)) < at:  # a reminder comes on its day
            play.wait(tomorrow)
        play.wait(at + timedelta(minutes=1))
        present = play.people(Actor.MEMBER)
        play.do(ending(play.spec, outcome), outcome=outcome, text=WORDS, present=present)

    def due(self, stage: Stage, spec: StageSpec) -> datetime | None:
        """Once convened: the working day after it, by whose end it is recorded."""
        at = held_at(stage)
        return deadline(at, TO_RECORD) if at is not None else super().due(stage, spec)

    def to_do(self, stage: Any) -> str:
        return "" if stage.has_declared else _("Déclarez vos liens d’intérêts")
