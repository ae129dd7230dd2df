"""Verbs of the access: convention, extract, opening, use, closure, and the tasks of the desk."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation
from portal.common.calendar import PARIS, end_of_day, legal_today
from requests_app.deadlines import access_period
from requests_app.models import (
    Grant,
    GrantState,
    RequestMember,
    Stage,
    StageState,
    Workspace,
)
from requests_app.models.querysets import GrantQuerySet
from requests_app.permits import creating
from requests_app.permits.source_addresses import AddressRefused, network
from requests_app.procedures.content import is_available
from requests_app.provisioning.extract import confirming, delivery
from requests_app.rights import permissions
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.errors import TransitionRefused
from requests_app.workflow.guards import not_blocked, required_text
from requests_app.workflow.verbs import Verb, register


def _addresses(ctx: Context) -> dict[str, list[str]]:
    """CIDR per person id. Raises AddressRefused."""
    given = ctx.payload.get("addresses") or {}
    return {
        str(getattr(person, "pk", person)): [network(str(one)) for one in values]
        for person, values in given.items()
    }


def _grants() -> GrantQuerySet:
    """Rights of the request a stage is of, in a query on stages."""
    return Grant.objects.filter(permit__request=OuterRef("request"))


@register
class RecordConvention(Verb):
    """The signed convention: the one act that creates rights (`grants_on`)."""

    name = "record_convention"
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
        yield from not_blocked(ctx)
        yield from self._dates(ctx)
        yield from self._parties(ctx)
        yield from self._people(ctx)
        mode = ctx.text("delivery_mode")
        if mode not in ctx.procedure.convention.delivery_modes:
            yield _("Choisissez le mode de livraison parmi ceux que la procédure permet.")
        elif not is_available(mode):
            yield _("L’espace projet n’est pas encore disponible : choisissez le système fils.")
        if mode == "daughter_system" and ctx.day("homologated_on") is None:
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
        missing = set(permissions.convention_parties(ctx.request)) - {
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
        if ctx.text("delivery_mode") == "daughter_system":
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


@register
class ConfirmExtract(Verb):
    """A second person confirms what was staged against the approved specification."""

    name = "confirm_extract"
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

    def ripe(self) -> QuerySet[Stage]:
        opening = Stage.objects.of_kind("opening").filter(state=StageState.RUNNING)
        return Stage.objects.of_kind("extract").filter(
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


@register
class FinishOpening(Verb):
    """The first right is open: the study may begin."""

    name = "finish_opening"

    def ripe(self) -> QuerySet[Stage]:
        openings = Stage.objects.of_kind("opening").filter(state=StageState.RUNNING)
        return openings.filter(Exists(_grants().filter(state=GrantState.OPEN)))

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _("Aucun accès n’est encore ouvert.")


@register
class FinishUse(Verb):
    """Every right is closed before the end: nothing is left to use."""

    name = "finish_use"

    def ripe(self) -> QuerySet[Stage]:
        uses = Stage.objects.of_kind("use").filter(state=StageState.RUNNING)
        return uses.exclude(Exists(_grants().live()))

    def check(self, ctx: Context) -> Iterator[str]:
        if not self.is_ripe(ctx):
            yield _("Un accès n’est pas encore fermé.")


@register
class Close(Verb):
    name = "close"
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


@register
class CloseTask(Verb):
    """The legal check's conclusion; its effect is the procedure's."""

    name = "close_task"
    takes = frozenset({"task", "outcome", "note"})

    def check(self, ctx: Context) -> Iterator[str]:
        task = ctx.task
        if task is None or task.closed_at is not None:
            yield _("Cette vérification est déjà close.")
            return
        if ctx.text("outcome") not in {one.code for one in ctx.procedure.task(task.code).outcomes}:
            yield _("Choisissez une conclusion.")
        yield from required_text(ctx, "note", _("Motivez la conclusion."))

    def act(self, ctx: Context) -> ActData:
        if ctx.task is None:
            raise LookupError("checked above")
        return ActData(
            data={"task": ctx.task.code, "outcome": ctx.text("outcome")},
            text=ctx.text("note"),
            audit={"task": ctx.task.code, "outcome": ctx.text("outcome")},
        )

    def write(self, ctx: Context) -> None:
        if ctx.task is None:
            raise LookupError("checked above")
        ctx.task.closed_at = ctx.now
        ctx.task.closed_by = ctx.person
        ctx.task.outcome = ctx.text("outcome")
        ctx.task.note = ctx.text("note")
        ctx.task.save()
