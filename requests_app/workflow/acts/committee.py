"""Verbs of the committee: interests, rapporteurs, reports, extension, opinion (A11–A14)."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, Role, RoleAssignment, User
from portal.audit.record import record
from requests_app.dossier import notices, numbers
from requests_app.models import (
    InterestDeclaration,
    Opinion,
    OpinionSense,
    RapporteurAssignment,
    Report,
    RequestVersion,
)
from requests_app.rights import permissions
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.errors import TransitionRefused
from requests_app.workflow.guards import (
    express_sense,
    headings_filled,
    numbered,
    required_text,
    withdrawn_members,
)
from requests_app.workflow.verbs import Verb, register


Answer = InterestDeclaration.Answer
Origin = InterestDeclaration.Origin


def sits(member: User, ctx: Context) -> bool:
    """Whether a person is a member of the stage's committee today."""
    return (
        RoleAssignment.objects.active()
        .filter(
            user=member,
            scope=ctx.the_stage.committee_id,
            role__in=[Role.PRESIDENT, Role.COMMITTEE_MEMBER],
            user__is_active=True,
        )
        .exists()
    )


def committee_of(ctx: Context) -> Organisation:
    if ctx.the_stage.committee is None:
        raise LookupError("an open stage of this kind has its committee")
    return ctx.the_stage.committee


def version_judged(ctx: Context) -> RequestVersion:
    """The version the committee was given."""
    version = ctx.the_stage.version or ctx.latest_version()
    if version is None:
        raise LookupError("a referred file has a signed version")
    return version


def end_rapporteur(ctx: Context, member: User) -> None:
    RapporteurAssignment.objects.filter(
        stage=ctx.the_stage, member=member, ended_at__isnull=True
    ).update(ended_at=ctx.now)


@register
class DeclareInterest(Verb):
    """A member's answer, before anything but the card is seen; a withdrawal is final."""

    name = "declare_interest"
    takes = frozenset({"answer", "reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        if ctx.text("answer") not in Answer.values:
            yield _("Dites si vous avez un lien d’intérêts avec ce dossier.")

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("reason"), audit={"answer": ctx.text("answer")})

    def write(self, ctx: Context) -> None:
        InterestDeclaration.objects.update_or_create(
            request=ctx.request,
            member=ctx.person,
            defaults={
                "committee": committee_of(ctx),
                "answer": ctx.text("answer"),
                "origin": Origin.MEMBER,
                "reason": ctx.text("reason"),
                "declared_by": ctx.person,
                "declared_at": ctx.now,
            },
        )
        if ctx.text("answer") == Answer.WITHDRAWN:
            end_rapporteur(ctx, ctx.person)


@register
class WithdrawMember(Verb):
    """The president may require anyone to stand down, with a reason (A14)."""

    name = "withdraw_member"
    takes = frozenset({"member", "reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "reason", _("Indiquez le motif du déport."))
        member = ctx.one_person("member")
        if member is None or not sits(member, ctx):
            yield _("Choisissez un membre du comité.")

    def act(self, ctx: Context) -> ActData:
        member = ctx.one_person("member")
        return ActData(text=ctx.text("reason"), audit={"member": str(member.pk if member else "")})

    def write(self, ctx: Context) -> None:
        member = ctx.one_person("member")
        InterestDeclaration.objects.update_or_create(
            request=ctx.request,
            member=member,
            defaults={
                "committee": committee_of(ctx),
                "answer": Answer.WITHDRAWN,
                "origin": Origin.PRESIDENT,
                "reason": ctx.text("reason"),
                "declared_by": ctx.person,
                "declared_at": ctx.now,
            },
        )
        if member is not None:
            end_rapporteur(ctx, member)


def withdraw_same_organisation(ctx: Context) -> None:
    """When a file is referred: members tied to one of its organisations, or who have a part in
    the file, are withdrawn (A14)."""
    for stage in ctx.started:
        if stage.kind != "opinion" or stage.committee_id is None:
            continue
        assignments = (
            RoleAssignment.objects.active()
            .filter(scope=stage.committee_id, role__in=[Role.PRESIDENT, Role.COMMITTEE_MEMBER])
            .select_related("user")
        )
        for member in {assignment.user for assignment in assignments}:
            if permissions.is_barred(member, ctx.request, "member"):
                _row, created = InterestDeclaration.objects.get_or_create(
                    request=ctx.request,
                    member=member,
                    defaults={
                        "committee_id": stage.committee_id,
                        "answer": Answer.WITHDRAWN,
                        "origin": Origin.ORGANISATION,
                        "declared_at": ctx.now,
                    },
                )
                if created:
                    notices.SetApart.say(member, ctx.request)
                    record(
                        "stage.withdraw_member",
                        by=None,
                        on=stage,
                        about=ctx.request.pk,
                        data={"member": str(member.pk), "origin": str(Origin.ORGANISATION.value)},
                    )


@register
class AssignRapporteurs(Verb):
    """One or two members without interests; more than four a month is a warning of the page
    (A14)."""

    name = "assign_rapporteurs"
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


@register
class FileReport(Verb):
    name = "file_report"
    takes = frozenset({"headings", "points", "sense"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from headings_filled(ctx.spec, dict(ctx.payload.get("headings") or {}))
        yield from express_sense(ctx, ctx.text("sense"))
        filed = Report.objects.filter(
            stage=ctx.the_stage, author=ctx.person, filed_at__isnull=False
        )
        if filed.exists():
            yield _("Votre rapport est déjà déposé.")

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


@register
class ExtendOpinion(Verb):
    """Once, by the president, before the clock ends, with a reason."""

    name = "extend_opinion"
    takes = frozenset({"reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        clock = ctx.spec.clock
        if clock is None or clock.extension is None:
            yield _("Cette procédure ne prévoit pas de prolongation.")
        if ctx.the_stage.extended_at is not None:
            yield _("Le délai a déjà été prolongé : il ne peut l’être qu’une fois.")
        yield from required_text(ctx, "reason", _("Motivez la prolongation."))

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("reason"))

    def write(self, ctx: Context) -> None:
        ctx.the_stage.extended_at = ctx.effective_at
        ctx.the_stage.save(update_fields=["extended_at"])
        steps.refresh_due(ctx, ctx.the_stage)


@register
class IssueOpinion(Verb):
    """The president's act: sense, headings, numbered points, who was present, who withdrew."""

    name = "issue_opinion"
    takes = frozenset({"sense", "headings", "points", "present"})

    def check(self, ctx: Context) -> Iterator[str]:
        sense = ctx.text("sense")
        yield from express_sense(ctx, sense)
        yield from headings_filled(ctx.spec, dict(ctx.payload.get("headings") or {}))
        if sense in {OpinionSense.RECOMMENDATIONS, OpinionSense.RESERVED} and not numbered(
            ctx.payload.get("points") or []
        ):
            yield _("Un avis avec recommandations ou réservé énonce au moins un point.")
        present = ctx.people("present")
        if not present:
            yield _("Indiquez les membres présents.")
        withdrew = {one.member_id for one in withdrawn_members(ctx)}
        declared = set(
            InterestDeclaration.objects.filter(request=ctx.request).values_list("member", flat=True)
        )
        for member in present:
            if not sits(member, ctx):
                yield _("%(person)s n’est pas membre du comité.") % {"person": member}
            elif member.pk in withdrew or permissions.is_barred(member, ctx.request, "member"):
                yield _(
                    "%(person)s ne siège pas sur ce dossier (déport, ou lien avec lui) : cette"
                    " personne ne peut pas avoir siégé."
                ) % {"person": member}
            elif member.pk not in declared:
                yield _(
                    "%(person)s n’a pas déclaré ses liens d’intérêts : cette personne ne peut pas"
                    " avoir siégé."
                ) % {"person": member}

    def act(self, ctx: Context) -> ActData:
        number = numbers.opinion_number(ctx.now)
        ctx.scratch["number"] = number
        version = version_judged(ctx)
        return ActData(
            outcome=ctx.text("sense"),
            data={"number": number, "sense": ctx.text("sense"), "version": version.number},
            version=version,
            audit={"number": number, "sense": ctx.text("sense"), "version": version.number},
        )

    def write(self, ctx: Context) -> None:
        opinion = Opinion.objects.create(
            request=ctx.request,
            stage=ctx.the_stage,
            version=version_judged(ctx),
            number=ctx.scratch["number"],
            sense=ctx.text("sense"),
            headings=dict(ctx.payload.get("headings") or {}),
            points=numbered(ctx.payload.get("points") or []),
            issued_by=ctx.person,
            issued_at=ctx.effective_at,
        )
        opinion.present.set(ctx.people("present"))
        opinion.withdrew.set([one.member for one in withdrawn_members(ctx)])


def write_tacit_opinion(ctx: Context, at: datetime) -> None:
    """A12, T1: silence is what the procedure says, an outcome of its own, dated at the clock's
    end."""
    outcome = ctx.spec.outcome(ctx.move.outcome)
    opinion = Opinion.objects.create(
        request=ctx.request,
        stage=ctx.the_stage,
        version=version_judged(ctx),
        number=numbers.opinion_number(at),
        sense=OpinionSense(f"tacit_{outcome.effect}"),
        issued_at=at,
    )
    opinion.withdrew.set([one.member for one in withdrawn_members(ctx)])


@register
class FileLateOpinion(Verb):
    """After a tacit outcome, the committee's words are kept as a remark: they move nothing."""

    name = "file_late_opinion"
    takes = frozenset({"sense", "text", "points"})

    def check(self, ctx: Context) -> Iterator[str]:
        if not ctx.spec.outcome(ctx.the_stage.outcome).tacit:
            raise TransitionRefused([_("L’avis a été rendu dans le délai.")])
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
