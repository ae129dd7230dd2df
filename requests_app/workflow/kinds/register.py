"""The entry in the public register (A34)."""

from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import Play, ending
from requests_app.workflow.verbs import Verb, register


class RegisterExpected(RequestNotice):
    code = "request.expected_register"
    label = gettext_lazy("inscription au répertoire attendue")


@register
class PublishRegister(Verb):
    """The public entry (A34); the register itself reads this act."""

    name = "publish_register"
    button = gettext_lazy("Publier au répertoire")
    logged = gettext_lazy("Projet publié au répertoire")


@register_kind
class Register(Kind):
    code = "register"
    expected = RegisterExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        play.do(ending(play.spec, outcome))
