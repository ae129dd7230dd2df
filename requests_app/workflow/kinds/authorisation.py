"""The authority's receipt, extension and answer (A16–A18)."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.dossier import notices
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Act
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.telling import tell_authorised, tell_team
from requests_app.workflow.verbs import Recorded, register


class AuthorisationExpected(RequestNotice):
    code = "request.expected_authorisation"
    label = gettext_lazy("réponse de l’autorité à suivre")


def receipt(ctx: Context) -> Act | None:
    """The act in force by which the authority acknowledged receipt, None without one."""
    return (
        Act.objects.in_force()
        .filter(stage=ctx.the_stage, code="record_receipt")
        .order_by("-entered_at")
        .first()
    )


def _received(ctx: Context) -> bool:
    """Whether the authority's receipt is recorded: four verbs ask."""
    return ctx.once("receipt", lambda: receipt(ctx)) is not None


class _OfAuthority(Recorded):
    """What the authority says once it has acknowledged the application."""

    def not_now(self, ctx: Context) -> Iterator[str]:
        if not _received(ctx):
            yield _("Enregistrez d’abord l’accusé de réception.")


@register
class RecordReceipt(Recorded):
    """The authority's receipt: its date starts the clock (T3), its number is kept (A18)."""

    name = "record_receipt"
    button = gettext_lazy("Enregistrer l’accusé de réception")
    logged = gettext_lazy("Accusé de réception %(of)s")
    takes = frozenset({"application_number", "document"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        if _received(ctx):
            yield _("L’accusé de réception est déjà enregistré : corrigez-le si besoin.")

    def check(self, ctx: Context) -> Iterator[str]:
        asked = (
            _("Indiquez le numéro de demande donné par %(name)s.") % ctx.procedure.authority.words
        )
        yield from required_text(ctx, "application_number", asked)

    def write(self, ctx: Context) -> None:
        steps.refresh_due(ctx, ctx.the_stage)


@register
class RecordExtension(_OfAuthority):
    """From the authority's letter, once; a letter of before the end counts even if entered
    after."""

    name = "record_extension"
    button = gettext_lazy("Enregistrer une prolongation")
    logged = gettext_lazy("Délai %(of)s prolongé")

    def not_now(self, ctx: Context) -> Iterator[str]:
        yield from super().not_now(ctx)
        if ctx.the_stage.extended_at is not None:
            yield _("Le délai a déjà été prolongé : il ne peut l’être qu’une fois.")

    def check(self, ctx: Context) -> Iterator[str]:
        due = ctx.the_stage.due_at if ctx.the_stage.extended_at is None else None
        if due is not None and ctx.effective_at > due:
            yield _("La lettre de prolongation est postérieure à la fin du délai.")
        if not ctx.line("reference") and ctx.file() is None:
            yield _("Joignez la lettre de prolongation ou indiquez sa référence.")

    def write(self, ctx: Context) -> None:
        ctx.the_stage.extended_at = ctx.effective_at
        ctx.the_stage.save(update_fields=["extended_at"])
        steps.refresh_due(ctx, ctx.the_stage)

    def corrected(self, ctx: Context, act: Act) -> None:
        if act.stage is not None:
            act.stage.extended_at = ctx.effective_at
            act.stage.save(update_fields=["extended_at"])


def _same_application(ctx: Context) -> Iterator[str]:
    known = receipt(ctx)
    if known is None:
        return  # said already
    given = ctx.line("application_number")
    if given and given != known.data.get("application_number"):
        yield _("Le numéro de demande n’est pas celui de l’accusé de réception (%(number)s).") % {
            "number": known.data.get("application_number", "")
        }


@register
class RecordAuthorisation(_OfAuthority):
    """A18: both numbers, the date, the document."""

    name = "record_authorisation"
    button = gettext_lazy("Enregistrer l’autorisation")
    logged = gettext_lazy("Autorisation %(of)s")
    takes = frozenset({"number", "application_number", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "number", _("Indiquez le numéro de l’autorisation."))
        yield from _same_application(ctx)

    def act(self, ctx: Context) -> ActData:
        said = super().act(ctx)
        known = receipt(ctx)
        said.data.setdefault(
            "application_number", known.data.get("application_number", "") if known else ""
        )
        return said

    def tell(self, ctx: Context) -> None:
        tell_authorised(ctx)


@register
class RecordRefusal(_OfAuthority):
    name = "record_refusal"
    button = gettext_lazy("Enregistrer le refus")
    logged = gettext_lazy("Refus %(of)s")
    takes = frozenset({"number", "application_number", "reason", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        if not ctx.line("number") and not ctx.line("reason"):
            yield _("Indiquez le numéro du refus ou son motif.")
        yield from _same_application(ctx)

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, notices.Refused)


@register_kind
class Authorisation(Kind):
    code = "authorisation"
    expected = AuthorisationExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        self.rehearse_silence(play)
        authority = play.procedure.authority
        verb = ending(play.spec, outcome)
        more: dict[str, Any] = {"reason": WORDS} if verb == RecordRefusal.name else {}
        play.do(verb, number=str(authority.number_example or 1), **more)

    def rehearse_silence(self, play: Play) -> None:
        if not play.stage.acts.filter(code=RecordReceipt.name).exists():
            number = str(play.procedure.authority.application_example or 1)
            play.do(RecordReceipt.name, application_number=number)
