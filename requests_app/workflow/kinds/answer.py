"""The applicant's answer to the opinion (A15, T8)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.common.digits import is_digits
from requests_app import dossier
from requests_app.dossier.notices import RequestNotice
from requests_app.models import Opinion, Stage
from requests_app.rights import recipients
from requests_app.workflow import guards
from requests_app.workflow.acts.file import freeze, nothing_missing
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.guards import widened
from requests_app.workflow.kind import Kind, register_kind
from requests_app.workflow.rehearsing import WORDS, Play
from requests_app.workflow.verbs import Verb, register


class AnswerExpected(RequestNotice):
    code = "request.expected_answer"
    label = gettext_lazy("réponse à l’avis attendue")


class AnswerReminder(RequestNotice):
    code = "request.answer_reminder"
    label = gettext_lazy("relance : réponse à l’avis")


def opinion_of(ctx: Context) -> Opinion | None:
    """The one that is answered: the last."""
    opinions = Opinion.objects.filter(request=ctx.request).select_related("stage")
    return opinions.order_by("-issued_at").first()


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
    exchanged = "applicant"
    button = gettext_lazy("Répondre à l’avis")
    logged = gettext_lazy("Réponse aux points de l’avis")
    takes = frozenset({"answers", "decision", "reason"})

    def check(self, ctx: Context) -> Iterator[str]:
        decision = ctx.text("decision")
        if decision not in {"go", "stop"}:
            yield _("Indiquez si vous poursuivez ou si vous renoncez.")
            return
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

    def chosen(self, ctx: Context) -> str:
        return ctx.text("decision")

    def act(self, ctx: Context) -> ActData:
        decision = ctx.text("decision")
        version = None
        last = ctx.latest_version()
        if decision == "go" and last is not None:
            same = dossier.is_same_file(last.content, dossier.snapshot(ctx.request))
            # A15: the applicant may first correct the file; the corrected version is kept beside.
            version = last if same else freeze(ctx, signed=True)
        return ActData(
            data={"version": version.number if version else None},
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


@register_kind
class Answer(Kind):
    code = "answer"
    expected = AnswerExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        opinion = Opinion.objects.filter(request=play.request).order_by("-issued_at").first()
        points = opinion.points if opinion is not None else []
        answers = {point["number"]: WORDS for point in points}
        play.do("answer_points", answers=answers, decision=outcome, reason=WORDS)

    def expectation(self, ctx: Context, stage: Stage) -> dict[str, Any]:
        more: dict[str, Any] = {}
        given = opinion_of(ctx)
        if given is not None and given.stage.outcome:
            outcome = ctx.procedure.stage(given.stage.code).outcome(given.stage.outcome)
            more |= {
                "sense": str(outcome.label).split(",")[0],
                "points": bool(given.points),
                "deemed": str(given.deemed),
            }
        go = ctx.procedure.stage(stage.code).outcome("go")
        return more | {"blocked": " ".join(guards.requirements_unmet(ctx.request, go))}

    def tell_again(self, ctx: Context) -> None:
        people = recipients.of_stage(ctx.the_stage)
        AnswerReminder.tell(people, ctx.request, since=ctx.the_stage.started_at)
