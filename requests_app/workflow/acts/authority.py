"""Verbs between the opinion and the convention: answer, CNIL, register, conformity (A15, A17,
A18)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from portal.common.digits import is_digits
from requests_app import dossier
from requests_app.models import Act, Opinion
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import outcome_allowed, required_text, widened
from requests_app.workflow.verbs import Verb, register

from .file import freeze, nothing_missing


def opinion_of(ctx: Context) -> Opinion | None:
    return Opinion.objects.filter(request=ctx.request).order_by("-issued_at").first()


def _answers(ctx: Context) -> dict[str, str]:
    given = ctx.payload.get("answers") or {}
    if not isinstance(given, Mapping):
        given = {
            number: one.get("text", "") if isinstance(one, Mapping) else one
            for number, one in enumerate(given, start=1)
        }
    return {str(number): str(text).strip() for number, text in given.items()}


@register
class AnswerPoints(Verb):
    """The applicant answers each point and goes on or stops, whatever the opinion (A15, T8)."""

    name = "answer_points"
    takes = frozenset({"answers", "decision", "reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        decision = ctx.text("decision")
        if decision not in {"go", "stop"}:
            yield _("Indiquez si vous poursuivez ou si vous renoncez.")
            return
        yield from outcome_allowed(ctx, decision)
        if decision == "stop":
            return
        answers, opinion = _answers(ctx), opinion_of(ctx)
        for point in opinion.points if opinion else []:
            if not answers.get(str(point["number"])):
                yield _("Répondez au point %(number)s de l’avis.") % {"number": point["number"]}
        yield from nothing_missing(ctx)
        yield from self._not_widened(ctx, opinion)

    def _not_widened(self, ctx: Context, opinion: Opinion | None) -> Iterator[str]:
        """What nobody was consulted on is a new request, not a correction."""
        if opinion is None:
            return
        form = ctx.request.form
        judged = form.rows(opinion.version.content)
        asked = form.rows(dossier.snapshot(ctx.request))
        for words in widened(judged, asked):
            yield _(
                "L’expression de besoins ne peut pas être élargie après l’avis :"
                " retirez « %(row)s »."
            ) % {"row": words}

    def act(self, ctx: Context) -> ActData:
        decision = ctx.text("decision")
        version = None
        last = ctx.latest_version()
        if decision == "go" and last is not None:
            now = dossier.fingerprint(dossier.snapshot(ctx.request))
            # A15: the applicant may first correct the file; the corrected version is kept beside.
            version = freeze(ctx, signed=True) if now != last.sha256 else last
        return ActData(
            outcome=decision,
            data={"decision": decision, "version": version.number if version else None},
            text=ctx.text("reason"),
            version=version,
            audit={"decision": decision},
        )

    def write(self, ctx: Context) -> None:
        opinion = opinion_of(ctx)
        if opinion is not None:
            opinion.answers = [
                {"number": int(number), "text": text}
                for number, text in sorted(_answers(ctx).items())
                if text and is_digits(str(number))
            ]
            opinion.save(update_fields=["answers"])


class Recorded(Verb):
    """Something done outside the portal, recorded with its date, its references and its
    document."""

    backdated = True
    takes = frozenset({"reference", "document"})

    def act(self, ctx: Context) -> ActData:
        values = {
            name: ctx.line(name)
            for name in sorted(self.takes - {"document", "reason"})
            if ctx.line(name)
        }
        return ActData(data=values, text=ctx.text("reason"), document=ctx.file())


@register
class RecordReferral(Recorded):
    name = "record_referral"


def receipt(ctx: Context) -> Act | None:
    return (
        Act.objects.in_force()
        .filter(stage=ctx.the_stage, code="record_receipt")
        .order_by("-entered_at")
        .first()
    )


@register
class RecordReceipt(Recorded):
    """The authority's receipt: its date starts the clock (T3), its number is kept (A18)."""

    name = "record_receipt"
    takes = frozenset({"application_number", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(
            ctx, "application_number", _("Indiquez le numéro de demande donné par la CNIL.")
        )
        if receipt(ctx) is not None:
            yield _("L’accusé de réception est déjà enregistré : corrigez-le si besoin.")

    def write(self, ctx: Context) -> None:
        steps.refresh_due(ctx, ctx.the_stage)


@register
class RecordExtension(Recorded):
    """From the authority's letter, once; a letter of before the end counts even if entered
    after."""

    name = "record_extension"

    def check(self, ctx: Context) -> Iterator[str]:
        stage = ctx.the_stage
        if receipt(ctx) is None:
            yield _("Enregistrez d’abord l’accusé de réception.")
        if stage.extended_at is not None:
            yield _("Le délai a déjà été prolongé : il ne peut l’être qu’une fois.")
        elif stage.due_at is not None and ctx.effective_at > stage.due_at:
            yield _("La lettre de prolongation est postérieure à la fin du délai.")
        if not ctx.line("reference") and ctx.file() is None:
            yield _("Joignez la lettre de prolongation ou indiquez sa référence.")

    def write(self, ctx: Context) -> None:
        ctx.the_stage.extended_at = ctx.effective_at
        ctx.the_stage.save(update_fields=["extended_at"])
        steps.refresh_due(ctx, ctx.the_stage)


def _same_application(ctx: Context) -> Iterator[str]:
    known = receipt(ctx)
    if known is None:
        yield _("Enregistrez d’abord l’accusé de réception.")
        return
    given = ctx.line("application_number")
    if given and given != known.data.get("application_number"):
        yield _("Le numéro de demande n’est pas celui de l’accusé de réception (%(number)s).") % {
            "number": known.data.get("application_number", "")
        }


@register
class RecordAuthorisation(Recorded):
    """A18: both numbers, the date, the document."""

    name = "record_authorisation"
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


@register
class RecordRefusal(Recorded):
    name = "record_refusal"
    takes = frozenset({"number", "application_number", "reason", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        if not ctx.line("number") and not ctx.line("reason"):
            yield _("Indiquez le numéro du refus ou son motif.")
        yield from _same_application(ctx)


@register
class PublishRegister(Verb):
    """The public entry (A34); the register itself reads this act."""

    name = "publish_register"

    def act(self, ctx: Context) -> ActData:
        opinion = opinion_of(ctx)
        data: dict[str, Any] = {"opinion_sense": opinion.sense} if opinion else {}
        return ActData(data=data)


@register
class RecordConformity(Recorded):
    """A24: one commitment per controller stands for the authorisation."""

    name = "record_conformity"

    def check(self, ctx: Context) -> Iterator[str]:
        if not ctx.line("reference") and ctx.file() is None:
            yield _("Joignez l’engagement de conformité ou indiquez sa référence.")
