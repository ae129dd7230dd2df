"""The commitment to a reference methodology (A24)."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.workflow.context import Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.verbs import Recorded, register


class ConformityExpected(RequestNotice):
    code = "request.expected_conformity"
    label = gettext_lazy("engagement de conformité attendu")


@register
class RecordConformity(Recorded):
    """A24: one commitment per controller stands for the authorisation."""

    name = "record_conformity"
    button = gettext_lazy("Déposer l’engagement de conformité")
    logged = gettext_lazy("Engagement de conformité déposé")

    def check(self, ctx: Context) -> Iterator[str]:
        if not ctx.line("reference") and ctx.file() is None:
            yield _("Joignez l’engagement de conformité ou indiquez sa référence.")


@register_kind
class Conformity(Kind):
    code = "conformity"
    expected = ConformityExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        play.do(ending(play.spec, outcome), reference=WORDS)
