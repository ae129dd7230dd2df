"""Interests in a file that a committee is given: declared, or withdrawn by the president (A14)."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.models import InterestDeclaration, Stage
from requests_app.workflow.committee_stage import Answer, Origin, committee_of, end_rapporteur, sits
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.verbs import Asked, Verb, register


@register
class DeclareInterest(Verb):
    """A member's answer, before anything but the card is seen; a withdrawal is final."""

    name = "declare_interest"
    button = gettext_lazy("Déclarer vos liens d’intérêts")
    logged = gettext_lazy("Liens d’intérêts déclarés")
    reserved = True
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

    def already(self, stage: Stage, asked: Asked) -> bool:
        """Said already: still there, to stand down later, but not what is awaited."""
        return InterestDeclaration.objects.filter(request=asked.request, member=asked.user).exists()


@register
class WithdrawMember(Verb):
    """The president may require anyone to stand down, with a reason (A14)."""

    name = "withdraw_member"
    button = gettext_lazy("Déporter un membre")
    logged = gettext_lazy("Membre déporté")
    reserved = True
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
