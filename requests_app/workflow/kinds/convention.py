"""The convention: parties, period, persons; recording it creates the rights (A29)."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Organisation
from portal.common.calendar import PARIS, end_of_day, legal_today
from requests_app.deadlines import access_period
from requests_app.dossier.notices import RequestNotice
from requests_app.models import RequestMember
from requests_app.permits import creating
from requests_app.permits.parties import convention_parties
from requests_app.permits.source_addresses import AddressRefused, network
from requests_app.procedures.content import is_available
from requests_app.procedures.parts import DAUGHTER_SYSTEM
from requests_app.rights import recipients
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.verbs import Verb, register


class ConventionExpected(RequestNotice):
    code = "request.expected_convention"
    label = gettext_lazy("convention attendue")


class ConventionSigned(RequestNotice):
    code = "request.convention_signed"
    label = gettext_lazy("convention enregistrée")


def _addresses(ctx: Context) -> dict[str, list[str]]:
    """CIDR per person id. Raises AddressRefused."""
    given = ctx.payload.get("addresses") or {}
    return {
        str(getattr(person, "pk", person)): [network(str(one)) for one in values]
        for person, values in given.items()
    }


@register
class RecordConvention(Verb):
    """The signed convention: the one act that creates rights (`grants_on`)."""

    name = "record_convention"
    button = gettext_lazy("Enregistrer la convention signée")
    logged = gettext_lazy("Convention enregistrée")
    backdated = True
    takes = frozenset(
        {
            "delivery_mode",
            "starts_on",
            "ends_on",
            "longer_because",
            "parties",
            "persons",
            "homologated_on",
            "addresses",
            "reference",
            "document",
        }
    )

    def check(self, ctx: Context) -> Iterator[str]:
        yield from self._dates(ctx)
        yield from self._parties(ctx)
        yield from self._people(ctx)
        mode = ctx.text("delivery_mode")
        if mode not in ctx.procedure.terms.delivery_modes:
            yield _("Choisissez le mode de livraison parmi ceux que la procédure permet.")
        elif not is_available(mode):
            yield _("L’espace projet n’est pas encore disponible : choisissez le système fils.")
        if mode == DAUGHTER_SYSTEM and ctx.day("homologated_on") is None:
            yield _("Indiquez la date d’homologation du système fils.")
        homologated = ctx.day("homologated_on")
        if homologated is not None and homologated > legal_today():
            yield _("L’homologation ne peut pas être dans le futur.")

    def _dates(self, ctx: Context) -> Iterator[str]:
        for _field, words in access_period.faults(
            access_period.frame(ctx.request, ctx.procedure),
            starts=ctx.day("starts_on"),
            ends=ctx.day("ends_on"),
            reason=ctx.text("longer_because"),
        ):
            yield words

    def _parties(self, ctx: Context) -> Iterator[str]:
        missing = set(convention_parties(ctx.request)) - {
            party.pk for party in ctx.organisations("parties")
        }
        if missing:
            names = Organisation.objects.filter(pk__in=missing).values_list("name", flat=True)
            yield _("Il manque une partie à la convention : %(names)s.") % {
                "names": ", ".join(names)
            }

    def _people(self, ctx: Context) -> Iterator[str]:
        people = ctx.people("persons")
        if not people:
            yield _("Nommez au moins une personne habilitée.")
        active = set(
            RequestMember.objects.current()
            .filter(request=ctx.request)
            .values_list("user", flat=True)
        )
        for person in people:
            if person.pk not in active:
                yield _("%(person)s n’est pas dans le dossier.") % {"person": person}
        try:
            addresses = _addresses(ctx)
        except AddressRefused as refused:
            yield str(refused)
            return
        if ctx.text("delivery_mode") == DAUGHTER_SYSTEM:
            for person in people:
                if not addresses.get(str(person.pk)):
                    yield _("Indiquez les adresses d’où %(person)s accédera aux données.") % {
                        "person": person
                    }

    def act(self, ctx: Context) -> ActData:
        homologated, starts, ends = map(ctx.day, ("homologated_on", "starts_on", "ends_on"))
        if starts is None or ends is None:
            raise LookupError("checked above")
        known = access_period.frame(ctx.request, ctx.procedure)
        beyond = known.goes_beyond(starts, ends)
        data: dict[str, Any] = {
            "delivery_mode": ctx.text("delivery_mode"),
            "starts_on": str(starts),
            "ends_on": str(ends),
            "asked_until": str(known.asked_end(starts) or ""),
            "longer_because": ctx.text("longer_because") if beyond else "",
            "homologated_on": str(homologated) if homologated else "",
            "parties": [str(party.pk) for party in ctx.organisations("parties")],
            "persons": [str(person.pk) for person in ctx.people("persons")],
            "addresses": _addresses(ctx),
            "reference": ctx.line("reference"),
        }
        return ActData(
            data=data,
            document=ctx.file(),
            audit={key: data[key] for key in ("delivery_mode", "starts_on", "ends_on", "persons")}
            | {"beyond": beyond},
        )

    def write(self, ctx: Context) -> None:
        starts, ends = ctx.day("starts_on"), ctx.day("ends_on")
        version = ctx.latest_version()
        if starts is None or ends is None or version is None:
            raise LookupError("checked above")
        ctx.request.delivery_mode = ctx.text("delivery_mode")
        permit = creating.create_version(
            ctx.request,
            ctx.the_act,
            version=version,
            delivery_mode=ctx.text("delivery_mode"),
            starts_at=datetime.combine(starts, time.min, tzinfo=PARIS),
            expires_at=end_of_day(ends),
            persons=ctx.people("persons"),
            addresses=_addresses(ctx),
        )
        ctx.after_commit.append(lambda: creating.hint(permit.request_id))

    def tell(self, ctx: Context) -> None:
        permit = ctx.the_act.permit
        named, team = recipients.named(ctx.request), recipients.team(ctx.request)
        ConventionSigned.tell_apart(named, team, ctx.request, due=permit.expires_at)

    @property
    def correctable(self) -> bool:
        """What it opened is amended, not rewritten."""
        return False


@register_kind
class Convention(Kind):
    code = "convention"
    expected = ConventionExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        """For the duration asked, or the longest allowed."""
        today = legal_today()
        known = access_period.frame(play.request, play.procedure)
        people = list(recipients.named(play.request))
        modes = play.procedure.terms.delivery_modes
        play.do(
            ending(play.spec, outcome),
            delivery_mode=next((one for one in modes if is_available(one)), modes[0]),
            starts_on=today,
            ends_on=known.asked_end(today) or known.latest_end(today),
            longer_because=WORDS,
            parties=convention_parties(play.request),
            persons=people,
            homologated_on=today,
            addresses={str(person.pk): ["192.0.2.10/32"] for person in people},
        )
