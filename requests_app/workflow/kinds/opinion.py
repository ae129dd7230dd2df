"""The committee's opinion: rapporteurs, reports, extension, opinion, silence (A11–A14)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role
from requests_app.dossier import numbers
from requests_app.dossier.notices import RequestNotice
from requests_app.models import (
    Opinion,
    RapporteurAssignment,
    Report,
    Stage,
    StageState,
)
from requests_app.procedures.kinds.opinion import WITH_POINTS
from requests_app.procedures.moves import Actor
from requests_app.rights import permissions, recipients
from requests_app.workflow import steps
from requests_app.workflow.committee_stage import (
    CommitteeKind,
    sits,
    version_judged,
    why_not_seated,
)
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import (
    express_sense,
    headings_filled,
    numbered,
    required_text,
    withdrawn_members,
)
from requests_app.workflow.kind import register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.telling import tell_team
from requests_app.workflow.verbs import Asked, Verb, register


class InterestExpected(RequestNotice):
    code = "request.expected_opinion"
    label = gettext_lazy("liens d’intérêts à déclarer")


class RapporteurAssigned(RequestNotice):
    code = "request.rapporteur_assigned"
    label = gettext_lazy("rapporteur désigné")


class ReportFiled(RequestNotice):
    code = "request.report_filed"
    label = gettext_lazy("rapport déposé")


class OpinionExtended(RequestNotice):
    code = "request.opinion_extended"
    label = gettext_lazy("délai de l’avis prolongé")


class LateOpinion(RequestNotice):
    code = "request.late_opinion"
    label = gettext_lazy("avis tardif versé au dossier")


@register
class AssignRapporteurs(Verb):
    """One or two members without interests; more than four a month is a warning of the page
    (A14)."""

    name = "assign_rapporteurs"
    button = gettext_lazy("Désigner les rapporteurs")
    logged = gettext_lazy("Rapporteurs désignés")
    reserved = True
    takes = frozenset({"members"})

    def check(self, ctx: Context) -> Iterator[str]:
        members = ctx.people("members")
        if not 1 <= len({member.pk for member in members}) <= 2:
            yield _("Désignez un ou deux rapporteurs.")
        for member in members:
            if not sits(member, ctx):
                yield _("%(person)s n’est pas membre du comité.") % {"person": member}
            elif permissions.is_barred(member, ctx.request, "member"):
                yield _("%(person)s ne siège pas sur ce dossier : déport, ou lien avec lui.") % {
                    "person": member
                }

    def act(self, ctx: Context) -> ActData:
        return ActData(audit={"members": [str(m.pk) for m in ctx.people("members")]})

    def write(self, ctx: Context) -> None:
        wanted = {member.pk for member in ctx.people("members")}
        current = RapporteurAssignment.objects.filter(stage=ctx.the_stage, ended_at__isnull=True)
        current.exclude(member__in=wanted).update(ended_at=ctx.now)
        for pk in wanted - set(current.values_list("member", flat=True)):
            RapporteurAssignment.objects.create(
                stage=ctx.the_stage, member_id=pk, assigned_by=ctx.person, assigned_at=ctx.now
            )

    def tell(self, ctx: Context) -> None:
        due = ctx.the_stage.due_at
        RapporteurAssigned.tell(ctx.people("members"), ctx.request, due=due)

    def already(self, stage: Stage, asked: Asked) -> bool:
        """Named already: to change them is not what is awaited."""
        return (
            stage.state == StageState.RUNNING
            and stage.rapporteurs.filter(ended_at__isnull=True).exists()
        )


@register
class FileReport(Verb):
    name = "file_report"
    button = gettext_lazy("Déposer votre rapport")
    logged = gettext_lazy("Rapport déposé")
    reserved = True
    takes = frozenset({"headings", "points", "sense"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        filed = Report.objects.filter(
            stage=ctx.the_stage, author=ctx.person, filed_at__isnull=False
        )
        if filed.exists():
            yield _("Votre rapport est déjà déposé.")

    def check(self, ctx: Context) -> Iterator[str]:
        yield from headings_filled(ctx.spec, dict(ctx.payload.get("headings") or {}))
        yield from express_sense(ctx, ctx.text("sense"))

    def write(self, ctx: Context) -> None:
        Report.objects.update_or_create(
            stage=ctx.the_stage,
            author=ctx.person,
            defaults={
                "version": version_judged(ctx),
                "headings": dict(ctx.payload.get("headings") or {}),
                "points": numbered(ctx.payload.get("points") or []),
                "proposed_sense": ctx.text("sense"),
                "filed_at": ctx.now,
            },
        )

    def tell(self, ctx: Context) -> None:
        ReportFiled.tell(
            recipients.office(ctx.request, Role.PRESIDENT, scope=ctx.the_stage.committee_id),
            ctx.request,
            due=ctx.the_stage.due_at,
        )


@register
class ExtendOpinion(Verb):
    """Once, by the president, before the clock ends, with a reason."""

    name = "extend_opinion"
    button = gettext_lazy("Prolonger le délai de l’avis")
    logged = gettext_lazy("Délai de l’avis prolongé")
    takes = frozenset({"reason"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        clock = ctx.spec.clock
        if clock is None or clock.extension is None:
            yield _("Cette procédure ne prévoit pas de prolongation.")
        if ctx.the_stage.extended_at is not None:
            yield _("Le délai a déjà été prolongé : il ne peut l’être qu’une fois.")

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "reason", _("Motivez la prolongation."))

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("reason"))

    def write(self, ctx: Context) -> None:
        ctx.the_stage.extended_at = ctx.effective_at
        ctx.the_stage.save(update_fields=["extended_at"])
        steps.refresh_due(ctx, ctx.the_stage)

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, OpinionExtended)


@register
class IssueOpinion(Verb):
    """The president's act: sense, headings, numbered points, who was present, who withdrew."""

    name = "issue_opinion"
    button = gettext_lazy("Rendre l’avis")
    logged = gettext_lazy("Avis rendu")
    takes = frozenset({"sense", "headings", "points", "present"})

    def check(self, ctx: Context) -> Iterator[str]:
        sense = ctx.text("sense")
        yield from express_sense(ctx, sense)
        yield from headings_filled(ctx.spec, dict(ctx.payload.get("headings") or {}))
        if sense in WITH_POINTS and not numbered(ctx.payload.get("points") or []):
            yield _("Un avis avec recommandations ou réservé énonce au moins un point.")
        present = ctx.people("present")
        if not present:
            yield _("Indiquez les membres présents.")
        yield from why_not_seated(ctx, present)

    def chosen(self, ctx: Context) -> str:
        return ctx.text("sense")

    def act(self, ctx: Context) -> ActData:
        number = numbers.opinion_number(ctx.now)
        ctx.scratch["number"] = number
        version = version_judged(ctx)
        return ActData(
            data={"number": number, "version": version.number},
            version=version,
            audit={"number": number, "sense": ctx.text("sense"), "version": version.number},
        )

    def write(self, ctx: Context) -> None:
        opinion = Opinion.objects.create(
            request=ctx.request,
            stage=ctx.the_stage,
            version=version_judged(ctx),
            number=ctx.scratch["number"],
            headings=dict(ctx.payload.get("headings") or {}),
            points=numbered(ctx.payload.get("points") or []),
            issued_by=ctx.person,
            issued_at=ctx.effective_at,
        )
        opinion.present.set(ctx.people("present"))
        opinion.withdrew.set([one.member for one in withdrawn_members(ctx)])


def write_tacit_opinion(ctx: Context, stage: Stage, at: datetime) -> None:
    """A12, T1: silence is what the procedure says, an outcome of its own, dated at the clock's
    end."""
    opinion = Opinion.objects.create(
        request=ctx.request,
        stage=stage,
        version=version_judged(ctx, stage),
        number=numbers.opinion_number(at),
        issued_at=at,
    )
    opinion.withdrew.set([one.member for one in withdrawn_members(ctx, stage)])


@register
class FileLateOpinion(Verb):
    """After a tacit outcome, the committee's words are kept as a remark: they move nothing."""

    name = "file_late_opinion"
    button = gettext_lazy("Verser un avis tardif au dossier")
    logged = gettext_lazy("Avis tardif versé")
    takes = frozenset({"sense", "text", "points"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        if not ctx.spec.outcome(ctx.the_stage.outcome).tacit:
            yield _("L’avis a été rendu dans le délai.")

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "text", _("Écrivez l’avis à verser au dossier."))
        if ctx.text("sense"):
            yield from express_sense(ctx, ctx.text("sense"))

    def act(self, ctx: Context) -> ActData:
        return ActData(
            data={
                "sense": ctx.text("sense"),
                "points": numbered(ctx.payload.get("points") or []),
                "remark": True,
            },
            text=ctx.text("text"),
            audit={"sense": ctx.text("sense")},
        )

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, LateOpinion)


@register_kind
class OpinionKind(CommitteeKind):
    code = "opinion"
    expected = InterestExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        self.declare(play)
        play.do(
            ending(play.spec, outcome),
            sense=outcome,
            headings=dict.fromkeys(play.spec.rubrics, WORDS),
            points=[WORDS],
            present=play.people(Actor.MEMBER),
        )

    def to_do(self, stage: Any) -> str:
        if not stage.has_declared:
            return _("Déclarez vos liens d’intérêts")
        if stage.is_rapporteur and not stage.has_reported:
            return _("Déposez votre rapport")
        if not stage.has_rapporteurs:
            return _("Désignez les rapporteurs")
        return ""

    def silent(self, ctx: Context, stage: Stage, at: datetime) -> None:
        write_tacit_opinion(ctx, stage, at)
