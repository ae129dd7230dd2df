"""The data are used, until every right is closed (A30)."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.models import Grant, Stage, StageState
from requests_app.procedures.kind import Trait
from requests_app.rights import recipients
from requests_app.workflow.context import Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import Play, ending
from requests_app.workflow.verbs import Verb, register


class AccessOpen(RequestNotice):
    code = "request.expected_use"
    label = gettext_lazy("accès ouvert")


@register
class FinishUse(Verb):
    """Every right is closed before the end: nothing is left to use."""

    name = "finish_use"
    button = gettext_lazy("Constater la fin")
    logged = gettext_lazy("Fin de l’utilisation")

    def ripe(self) -> QuerySet[Stage]:
        stages = Stage.objects.having(Trait.IN_USE).filter(state=StageState.RUNNING)
        mine = Grant.objects.filter(permit__request=OuterRef("request"))
        return stages.exclude(Exists(mine.live()))

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _("Un accès n’est pas encore fermé.")


@register_kind
class Use(Kind):
    code = "use"
    expected = AccessOpen

    def rehearse(self, play: Play, outcome: str) -> None:
        play.close_rights()
        play.do(ending(play.spec, outcome))

    def expect(self, ctx: Context, stage: Stage) -> None:
        """Those who have access, and those who only must know of it."""
        people = recipients.of_stage(stage)
        more = {"due": stage.due_at, "stage": stage.code}
        AccessOpen.tell_apart(recipients.named(ctx.request), people, ctx.request, **more)
