"""Verbs of the completeness check (A5) and of the holders' consultation."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from portal.accounts.models import Organisation
from portal.common.templatetags.portal import long_date
from requests_app.models import Act, Piece, RequestState, StageState
from requests_app.procedures.kinds import completeness
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import required_text
from requests_app.workflow.verbs import Verb, register


def requests_sent(ctx: Context) -> int:
    """How many times the applicant was asked to complete the file."""
    return Act.objects.filter(stage=ctx.the_stage, code="request_completion").count()


def _verdict_reasons(ctx: Context) -> Iterator[str]:
    labels = {piece.code: str(piece.label) for piece in ctx.procedure.pieces}
    for piece in Piece.objects.filter(request=ctx.request).order_by("code"):
        if piece.file_id is None and not piece.waiver_reason:
            continue
        label = labels.get(piece.code, piece.code)
        if piece.review == Piece.Review.PENDING:
            yield _("Pièce à examiner : %(label)s.") % {"label": label}
        elif piece.review == Piece.Review.TO_MEND:
            yield _("Pièce encore à corriger : %(label)s.") % {"label": label}


@register
class AcceptCompleteness(Verb):
    """Complete: the holders and the committee are consulted from this instant, in parallel."""

    name = "accept_completeness"
    takes = frozenset({"urgent", "urgent_reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from _verdict_reasons(ctx)
        if ctx.payload.get("urgent") and not ctx.text("urgent_reason"):
            yield _("Motivez la procédure d’urgence.")
        if not Organisation.objects.filter(
            code=ctx.procedure.committee, kind=Organisation.Kind.COMMITTEE
        ).exists():
            yield _("Le comité « %(code)s » de la procédure n’est pas créé dans le portail.") % {
                "code": ctx.procedure.committee
            }

    def act(self, ctx: Context) -> ActData:
        urgent = bool(ctx.payload.get("urgent"))
        return ActData(
            data={"urgent": urgent}, text=ctx.text("urgent_reason"), audit={"urgent": urgent}
        )

    def write(self, ctx: Context) -> None:
        ctx.request.urgent = bool(ctx.payload.get("urgent"))


@register
class RequestCompletion(Verb):
    """One message with all that is to mend; the last one says that it is the last."""

    name = "request_completion"
    takes = frozenset({"message"})

    def check(self, ctx: Context) -> Iterator[str]:
        if ctx.request.state != RequestState.SUBMITTED:
            yield _("Le dossier n’est pas entre vos mains.")
        if requests_sent(ctx) >= completeness.rounds(ctx.spec):
            yield _(
                "Le demandeur a déjà reçu la dernière demande de compléments : déclarez le dossier"
                " complet, réorientez-le ou clôturez-le."
            )
        to_mend = Piece.objects.filter(request=ctx.request, review=Piece.Review.TO_MEND)
        if not ctx.text("message") and not to_mend.exists():
            yield _("Indiquez ce qui est à compléter : une pièce à corriger ou un message.")

    def act(self, ctx: Context) -> ActData:
        last = requests_sent(ctx) + 1 >= completeness.rounds(ctx.spec)
        to_mend = list(
            Piece.objects.filter(request=ctx.request, review=Piece.Review.TO_MEND)
            .order_by("code")
            .values_list("code", "review_comment")
        )
        return ActData(
            data={"pieces": [{"code": c, "comment": t} for c, t in to_mend], "last": last},
            text=ctx.text("message"),
            audit={"pieces": [code for code, _comment in to_mend], "last": last},
        )


@register
class Redirect(Verb):
    name = "redirect"
    takes = frozenset({"route", "message"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "route", _("Indiquez la procédure vers laquelle réorienter."))
        yield from required_text(ctx, "message", _("Expliquez la réorientation au demandeur."))

    def act(self, ctx: Context) -> ActData:
        return ActData(data={"route": ctx.line("route")}, text=ctx.text("message"))


@register
class CloseIncomplete(Verb):
    """Close a file that was not completed; never without having asked (E36), nor before the date
    that the applicant was given."""

    name = "close_incomplete"
    takes = frozenset({"message"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "message", _("Expliquez la clôture au demandeur."))
        if not requests_sent(ctx):
            yield _("Demandez d’abord au demandeur de compléter le dossier.")
        due = ctx.the_stage.due_at
        if ctx.the_stage.state == StageState.PAUSED and due is not None and due >= ctx.now:
            yield _("Le demandeur a jusqu’au %(date)s pour compléter le dossier.") % {
                "date": long_date(due)
            }
        if ctx.request.state not in {RequestState.SUBMITTED, RequestState.INCOMPLETE}:
            yield _("Le complément est en cours de signature : attendez-le.")

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("message"))


@register
class FileRemark(Verb):
    name = "file_remark"
    takes = frozenset({"text", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "text", _("Écrivez vos remarques."))

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("text"), document=ctx.file())


@register
class FileNoRemark(Verb):
    name = "file_no_remark"
