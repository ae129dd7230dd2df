"""The completeness check (A5): the desk's verbs, what it asks for, and by when."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Organisation
from portal.common.calendar import legal_now
from portal.common.templatetags.portal import long_date
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Piece, RequestState, Stage, StageState
from requests_app.procedures.kind import Trait
from requests_app.procedures.kinds import completeness
from requests_app.rights import recipients
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.definition import REQUEST_MOVES
from requests_app.workflow.guards import required_text
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play, ending
from requests_app.workflow.telling import tell_team
from requests_app.workflow.verbs import Verb, register


class CompletenessExpected(RequestNotice):
    code = "request.expected_completeness"
    label = gettext_lazy("contrôle de complétude attendu")


class CompletionRequested(RequestNotice):
    code = "request.completion_requested"
    label = gettext_lazy("compléments demandés")


class CompletionReminder(RequestNotice):
    code = "request.completion_reminder"
    label = gettext_lazy("relance : compléments attendus")


class CompletionOverdue(RequestNotice):
    code = "request.completion_overdue"
    label = gettext_lazy("compléments non reçus")


class Complete(RequestNotice):
    code = "request.complete"
    label = gettext_lazy("dossier complet")


class Redirected(RequestNotice):
    code = "request.redirected"
    label = gettext_lazy("demande réorientée")


class ClosedIncomplete(RequestNotice):
    code = "request.closed_incomplete"
    label = gettext_lazy("dossier clos, incomplet")


def demands(stage: Stage) -> int:
    """How many times the applicant was asked to complete the file."""
    return stage.acts.filter(code=RequestCompletion.name).count()


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
    button = gettext_lazy("Déclarer le dossier complet")
    logged = gettext_lazy("Dossier complet")
    takes = frozenset({"urgent", "urgent_reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from _verdict_reasons(ctx)
        if ctx.payload.get("urgent") and not ctx.text("urgent_reason"):
            yield _("Motivez la procédure d’urgence.")
        asked = ctx.procedure.committees
        known = Organisation.objects.filter(code__in=asked, kind=Organisation.Kind.COMMITTEE)
        for code in sorted(asked - set(known.values_list("code", flat=True))):
            yield _("Le comité « %(code)s » de la procédure n’est pas créé dans le portail.") % {
                "code": code
            }

    def act(self, ctx: Context) -> ActData:
        urgent = bool(ctx.payload.get("urgent"))
        return ActData(
            data={"urgent": urgent}, text=ctx.text("urgent_reason"), audit={"urgent": urgent}
        )

    def write(self, ctx: Context) -> None:
        ctx.request.urgent = bool(ctx.payload.get("urgent"))

    def tell(self, ctx: Context) -> None:
        opinion = Stage.objects.having(Trait.GIVES_OPINION).filter(request=ctx.request)
        due = opinion.aggregate(last=Max("due_at"))["last"]
        judged = bool(ctx.procedure.committees)
        Complete.tell(recipients.team(ctx.request), ctx.request, due=due, committee=judged)


@register
class RequestCompletion(Verb):
    """One message with all that is to mend; the last one says that it is the last."""

    name = "request_completion"
    exchanged = "counter"
    button = gettext_lazy("Demander des compléments")
    logged = gettext_lazy("Compléments demandés")
    takes = frozenset({"message"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        if ctx.request.state != RequestState.SUBMITTED:
            yield _("Le dossier n’est pas entre vos mains.")
        if _sent(ctx) >= completeness.rounds(ctx.spec):
            yield _(
                "Le demandeur a déjà reçu la dernière demande de compléments : déclarez le dossier"
                " complet, réorientez-le ou clôturez-le."
            )

    def check(self, ctx: Context) -> Iterator[str]:
        to_mend = Piece.objects.filter(request=ctx.request, review=Piece.Review.TO_MEND)
        if not ctx.text("message") and not to_mend.exists():
            yield _("Indiquez ce qui est à compléter : une pièce à corriger ou un message.")

    def act(self, ctx: Context) -> ActData:
        last = demands(ctx.the_stage) + 1 >= completeness.rounds(ctx.spec)
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

    def follow(self, ctx: Context) -> None:
        steps.pause_stage(ctx, ctx.the_stage, ctx.effective_at, self.name)
        steps.move_request(ctx, REQUEST_MOVES["await_completion"], ctx.effective_at)

    def tell(self, ctx: Context) -> None:
        """The single message, by when it is to be answered, and how many more there may be."""
        sent = demands(ctx.the_stage)
        labels = {piece.code: str(piece.label) for piece in ctx.procedure.pieces}
        data, said = ctx.the_act.data, ctx.the_act.text
        pieces = [  # what the desk's own words do not say already
            {"label": labels.get(one["code"], one["code"]), "comment": one["comment"]}
            for one in data["pieces"]
            if not (one["comment"] and one["comment"] in said)
        ]
        CompletionRequested.tell(
            recipients.team(ctx.request),
            ctx.request,
            pieces=pieces,
            count=len(data["pieces"]),
            last=data["last"],
            second=sent == 2,
            left=completeness.rounds(ctx.spec) - sent,
            message=said,
            due=ctx.the_stage.due_at,
        )


@register
class Redirect(Verb):
    name = "redirect"
    exchanged = "counter"
    button = gettext_lazy("Réorienter la demande")
    logged = gettext_lazy("Demande réorientée")
    takes = frozenset({"route", "message"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "route", _("Indiquez la procédure vers laquelle réorienter."))
        yield from required_text(ctx, "message", _("Expliquez la réorientation au demandeur."))

    def act(self, ctx: Context) -> ActData:
        return ActData(data={"route": ctx.line("route")}, text=ctx.text("message"))

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, Redirected)


@register
class CloseIncomplete(Verb):
    """Close a file that was not completed; never without having asked (E36), nor before the date
    that the applicant was given."""

    name = "close_incomplete"
    exchanged = "counter"
    button = gettext_lazy("Clore le dossier incomplet")
    logged = gettext_lazy("Dossier clos, incomplet")
    takes = frozenset({"message"})

    def not_now(self, ctx: Context) -> Iterator[str]:
        """Never without having asked, nor while the file is the applicant's."""
        if not _sent(ctx):
            yield _("Demandez d’abord au demandeur de compléter le dossier.")
        due = ctx.the_stage.due_at
        if ctx.the_stage.state == StageState.PAUSED and due is not None and due >= legal_now():
            yield _("Le demandeur a jusqu’au %(date)s pour compléter le dossier.") % {
                "date": long_date(due)
            }
        if ctx.request.state not in {RequestState.SUBMITTED, RequestState.INCOMPLETE}:
            yield _("Le complément est en cours de signature : attendez-le.")

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "message", _("Expliquez la clôture au demandeur."))

    def act(self, ctx: Context) -> ActData:
        return ActData(text=ctx.text("message"))

    def tell(self, ctx: Context) -> None:
        tell_team(ctx, ClosedIncomplete)


def _sent(ctx: Context) -> int:
    """Before the act: two verbs ask."""
    return ctx.once("demands", lambda: demands(ctx.the_stage))


@register_kind
class Completeness(Kind):
    code = "completeness"
    expected = CompletenessExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        verb = ending(play.spec, outcome)
        if verb == AcceptCompleteness.name:
            Piece.objects.filter(request=play.request).update(review=Piece.Review.ACCEPTED)
            play.do(verb)
        elif verb == Redirect.name:
            play.do(verb, route=WORDS, message=WORDS)
        else:
            play.do(RequestCompletion.name, message=WORDS)
            if play.stage.due_at is not None:
                play.wait(play.stage.due_at + timedelta(minutes=1))
            play.do(verb, message=WORDS)

    def tell_expired(self, ctx: Context, effect: str) -> None:
        if effect != "remind_applicant":
            super().tell_expired(ctx, effect)
            return
        since = ctx.the_stage.pauses.filter(ended_at__isnull=True).values_list("started_at").first()
        more: dict[str, Any] = {"since": since[0] if since else None, "due": ctx.effective_at}
        CompletionReminder.tell(recipients.team(ctx.request), ctx.request, **more)
        CompletionOverdue.tell(recipients.of_stage(ctx.the_stage), ctx.request, **more)
