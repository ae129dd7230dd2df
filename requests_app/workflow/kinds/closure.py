"""Every access is closed: the file is closed by the desk."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.models import Grant
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.telling import tell_team
from requests_app.workflow.verbs import Verb, register


class ClosureExpected(RequestNotice):
    code = "request.expected_closure"
    label = gettext_lazy("clôture attendue")


class Closed(RequestNotice):
    code = "request.closed"
    label = gettext_lazy("dossier clos")


@register
class Close(Verb):
    name = "close"
    button = gettext_lazy("Clore le dossier")
    logged = gettext_lazy("Dossier clos")
    takes = frozenset({"note"})

    def check(self, ctx: Context) -> Iterator[str]:
        live = Grant.objects.live().filter(permit__request=ctx.request)
        if count := live.count():
            yield _(
                "%(count)s accès ne sont pas encore fermés : la clôture attend leur preuve de"
                " fermeture."
            ) % {"count": count}

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("note"))

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, Closed)


@register_kind
class Closure(Kind):
    code = "closure"
    expected = ClosureExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        play.close_rights()
        play.do(ending(play.spec, outcome), note=WORDS)
