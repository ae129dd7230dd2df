"""What was staged is confirmed by a second person, and again when it was lost (A33b)."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.models import Stage, StageState, Workspace
from requests_app.permits import creating
from requests_app.procedures.kind import Trait
from requests_app.procedures.moves import Actor
from requests_app.provisioning.extract import confirming, delivery, staging
from requests_app.provisioning.extract.sources import SyntheticSource
from requests_app.provisioning.workspaces import workspace_for
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.errors import TransitionRefused
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import Play, ending
from requests_app.workflow.verbs import Verb, register


class ExtractExpected(RequestNotice):
    code = "request.expected_extract"
    label = gettext_lazy("extraction à préparer")


@register
class ConfirmExtract(Verb):
    """A second person confirms what was staged against the approved specification."""

    name = "confirm_extract"
    button = gettext_lazy("Confirmer l’extraction")
    logged = gettext_lazy("Extraction confirmée")
    takes = frozenset({"manifest"})  # what the page that was sent showed

    def check(self, ctx: Context) -> Iterator[str]:
        workspace = Workspace.objects.filter(request=ctx.request).first()
        reasons = confirming.confirmation_refusals(
            workspace, by=ctx.person, seen=ctx.text("manifest")
        )
        yield from reasons
        if (
            workspace is not None
            and not reasons
            and not confirming.is_as_approved(workspace, creating.approved_scope(ctx.request))
        ):
            yield _(
                "L’extraction préparée n’est plus celle de la spécification approuvée :"
                " préparez-la à nouveau."
            )

    def write(self, ctx: Context) -> None:
        try:
            confirming.confirm_extract(
                Workspace.objects.get(request=ctx.request),
                by=ctx.person,
                seen=ctx.text("manifest"),
            )
        except confirming.ConfirmationRefused as refused:
            raise TransitionRefused([str(refused)]) from refused


@register
class ReopenExtract(Verb):
    """What was confirmed is lost, changed or no longer what is allowed: to prepare again."""

    name = "reopen_extract"
    button = gettext_lazy("Rouvrir la préparation")
    logged = gettext_lazy("Extraction à préparer à nouveau")

    def ripe(self) -> QuerySet[Stage]:
        opening = Stage.objects.having(Trait.OPENS_ACCESS).filter(state=StageState.RUNNING)
        return Stage.objects.having(Trait.PREPARES_DATA).filter(
            state=StageState.DONE,
            request__workspace__in=delivery.sent_back(),
            request__stages__in=opening,
        )

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _(
                "L’extraction n’a pas été renvoyée, ou l’ouverture des accès n’attend pas"
                " d’extraction."
            )

    def act(self, ctx: Context) -> ActData:
        return ActData(text=delivery.sent_back().get(request=ctx.request).extract.problem)

    def follow(self, ctx: Context) -> None:
        steps.reopen_stage(ctx, ctx.the_stage)


@register_kind
class Extract(Kind):
    code = "extract"
    expected = ExtractExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        """One person prepares it, another confirms what they saw."""
        first, second = play.people(Actor.OPERATOR)[:2]
        workspace = Workspace.objects.get(request=play.request)
        staging.stage(
            workspace,
            scope=creating.approved_scope(play.request),
            by=first,
            origin=SyntheticSource(1),
        )
        seen = confirming.manifest_sha256(Workspace.objects.get(pk=workspace.pk))
        play.do(ending(play.spec, outcome), by=second, manifest=seen)

    def opened(self, ctx: Context, stage: Stage) -> None:
        workspace_for(ctx.request)  # rows only: no right, no cloud call

    def expectation(self, ctx: Context, stage: Stage) -> dict[str, Any]:
        return {"lost": ctx.the_act.text if ctx.move.name == ReopenExtract.name else ""}
