"""The consultation of the data holders: a remark, or none."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.models import Stage
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.verbs import Verb, register


class RemarkExpected(RequestNotice):
    code = "request.expected_holder"
    label = gettext_lazy("remarques attendues")


@register
class FileRemark(Verb):
    name = "file_remark"
    button = gettext_lazy("Envoyer vos remarques")
    logged = gettext_lazy("Remarque du responsable de données")
    reserved = True
    takes = frozenset({"text", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "text", _("Écrivez vos remarques."))

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("text"), document=ctx.file())


@register
class FileNoRemark(Verb):
    name = "file_no_remark"
    button = gettext_lazy("Indiquer que vous n’avez pas de remarque")
    logged = gettext_lazy("Aucune remarque")


@register_kind
class Holder(Kind):
    code = "holder"
    expected = RemarkExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        verb = ending(play.spec, outcome)
        said: dict[str, Any] = {"text": WORDS} if verb == FileRemark.name else {}
        play.do(verb, **said)

    def expectation(self, ctx: Context, stage: Stage) -> dict[str, Any]:
        return {"holder": stage.holder.name} if stage.holder is not None else {}
