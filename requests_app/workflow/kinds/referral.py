"""The file is sent to the authority, and the applicant is told how long it has."""

from django.utils.translation import gettext_lazy

from requests_app.dossier.notices import RequestNotice
from requests_app.procedures.words import period_in_words
from requests_app.rights import recipients
from requests_app.workflow.context import Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.verbs import Recorded, register


class ReferralExpected(RequestNotice):
    code = "request.expected_referral"
    label = gettext_lazy("saisine de l’autorité attendue")


class ReferralSent(RequestNotice):
    code = "request.referral_sent"
    label = gettext_lazy("dossier transmis à l’autorité")


@register
class RecordReferral(Recorded):
    name = "record_referral"
    button = gettext_lazy("Enregistrer la saisine %(of)s")
    logged = gettext_lazy("Saisine %(of)s")

    def tell(self, ctx: Context) -> None:
        """How long the authority has, as the procedure says."""
        clocks = [one.clock for one in ctx.procedure.stages if one.clock]
        clock = next((one for one in clocks if one.start == "receipt"), None)
        period, extension = (clock.period, clock.extension) if clock else (None, None)
        ReferralSent.tell(
            recipients.team(ctx.request),
            ctx.request,
            period=period_in_words(period) if period else "",
            extension=period_in_words(extension.by) if extension else "",
        )


@register_kind
class Referral(Kind):
    code = "referral"
    expected = ReferralExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        play.do(ending(play.spec, outcome), reference=WORDS)
