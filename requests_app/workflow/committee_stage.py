"""A stage that is a committee's: who sits, who stands apart (A14)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from portal.accounts.models import Organisation, Role, RoleAssignment, User
from portal.audit.record import record
from requests_app.dossier import notices
from requests_app.models import InterestDeclaration, RapporteurAssignment, RequestVersion, Stage
from requests_app.procedures.moves import Actor
from requests_app.rights import permissions
from requests_app.workflow.context import Context
from requests_app.workflow.guards import withdrawn_members
from requests_app.workflow.kind import Kind
from requests_app.workflow.rehearsing import Play


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
    """The committee before which the stage is. Raises LookupError for a stage without one."""
    if ctx.the_stage.committee is None:
        raise LookupError("an open stage of this kind has its committee")
    return ctx.the_stage.committee


def version_judged(ctx: Context, stage: Stage | None = None) -> RequestVersion:
    """The version the committee was given."""
    version = (stage or ctx.the_stage).version or ctx.latest_version()
    if version is None:
        raise LookupError("a referred file has a signed version")
    return version


def end_rapporteur(ctx: Context, member: User) -> None:
    """From `ctx.now` on the member reports on this stage no more; nothing when they did not."""
    RapporteurAssignment.objects.filter(
        stage=ctx.the_stage, member=member, ended_at__isnull=True
    ).update(ended_at=ctx.now)


def why_not_seated(ctx: Context, present: Iterable[User]) -> Iterator[str]:
    """Of those named as present: who is no member, stands apart, or has not declared (A14)."""
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


class CommitteeKind(Kind):
    """Its row names the committee; members tied to the file stand apart once it is referred."""

    def begins(self, ctx: Context, at: datetime) -> datetime:
        """Once it is told of the file: what came before was recorded late, or the worker was down,
        and a silence would be held against people who were asked nothing."""
        return max(at, ctx.now)

    def opening(self, ctx: Context, stage: Stage) -> None:
        stage.committee = Organisation.objects.get(
            code=ctx.procedure.committee_of(ctx.procedure.stage(stage.code))
        )

    @staticmethod
    def declare(play: Play) -> None:
        """Each member says that nothing ties them to the file, as they must before they sit."""
        said = InterestDeclaration.objects.filter(request=play.request).values("member")
        known = set(User.objects.filter(pk__in=said))
        for member in play.people(Actor.MEMBER):
            if member not in known:
                play.do("declare_interest", by=member, answer=str(Answer.NONE.value))

    def settle(self, ctx: Context, stage: Stage) -> None:
        """Members tied to one of the file's organisations, or who have a part in the file, are
        withdrawn (A14)."""
        if stage.committee_id is None:
            return
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
