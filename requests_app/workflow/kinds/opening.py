"""The rights are opened: it ends with the first that is open (A30)."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.models import Grant, GrantState, Stage, StageState
from requests_app.procedures.kind import Trait
from requests_app.workflow.context import Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import Play, ending
from requests_app.workflow.verbs import Verb, register


class OpeningExpected(RequestNotice):
    code = "request.expected_opening"
    label = gettext_lazy("ouverture des accès à suivre")


@register
class FinishOpening(Verb):
    """The first right is open: the study may begin."""

    name = "finish_opening"
    button = gettext_lazy("Constater l’ouverture")
    logged = gettext_lazy("Accès ouverts")

    def ripe(self) -> QuerySet[Stage]:
        stages = Stage.objects.having(Trait.OPENS_ACCESS).filter(state=StageState.RUNNING)
        mine = Grant.objects.filter(permit__request=OuterRef("request"))
        return stages.filter(Exists(mine.filter(state=GrantState.OPEN)))

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _("Aucun accès n’est encore ouvert.")


@register_kind
class Opening(Kind):
    code = "opening"
    expected = OpeningExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        play.open_rights()
        play.do(ending(play.spec, outcome))

    def ends_at_once(self, ctx: Context) -> str:
        open_ = Grant.objects.filter(permit__request=ctx.request, state=GrantState.OPEN)
        return FinishOpening.name if open_.exists() else ""
