"""The applicant's answer to the opinion (A15, T8)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app import dossier
from requests_app.dossier.notices import RequestNotice
from requests_app.models import AccessRequest, Opinion, Stage
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


@dataclass(frozen=True, slots=True)
class Point:
    """A point of an opinion; `key`: by which it is answered, its number alone where one opinion
    only has points."""

    key: str
    number: int
    text: str
    opinion: Opinion

    @property
    def answer(self) -> str:
        """What the applicant answered; empty before."""
        said = (one["text"] for one in self.opinion.answers if one["number"] == self.number)
        return str(next(said, ""))

    @property
    def words(self) -> str:
        """Which point it is."""
        if self.key == str(self.number):
            return str(self.number)
        return _("%(number)s (%(opinion)s)") % {
            "number": self.number,
            "opinion": self.opinion.number,
        }


def opinions_of(request: AccessRequest) -> list[Opinion]:
    """Those of every committee, in the order in which they were given."""
    found = Opinion.objects.filter(request=request).select_related("stage", "version")
    return list(found.order_by("issued_at", "number"))


def points_of(request: AccessRequest) -> list[Point]:
    """Every point that the applicant answers, whichever committee makes it."""
    asking = [one for one in opinions_of(request) if one.points]
    return [
        Point(
            str(number) if len(asking) == 1 else f"{opinion.number}-{number}",
            number,
            str(point["text"]),
            opinion,
        )
        for opinion in asking
        for point in opinion.points
        for number in (int(point["number"]),)
    ]


def _answers(ctx: Context) -> dict[str, str]:
    given = ctx.payload.get("answers") or {}
    if not isinstance(given, Mapping):
        given = {
            number: one.get("text", "") if isinstance(one, Mapping) else one
            for number, one in enumerate(given, start=1)
        }
    return {str(key): str(text).strip() for key, text in given.items()}


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
        answers = _answers(ctx)
        for point in points_of(ctx.request):
            if not answers.get(point.key):
                yield _("Répondez au point %(number)s de l’avis.") % {"number": point.words}
        yield from nothing_missing(ctx)
        yield from self._not_widened(ctx)

    def _not_widened(self, ctx: Context) -> Iterator[str]:
        """What one of the committees was not consulted on is a new request, not a correction."""
        form = ctx.request.form
        asked = form.rows(dossier.snapshot(ctx.request))
        judged = [form.rows(opinion.version.content) for opinion in opinions_of(ctx.request)]
        for words in dict.fromkeys(row for rows in judged for row in widened(rows, asked)):
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
        answers, points = _answers(ctx), points_of(ctx.request)
        for opinion in {point.opinion.pk: point.opinion for point in points}.values():
            mine = [point for point in points if point.opinion.pk == opinion.pk]
            opinion.answers = [
                {"number": point.number, "text": answers[point.key]}
                for point in mine
                if answers.get(point.key)
            ]
            opinion.save(update_fields=["answers"])


@register_kind
class Answer(Kind):
    code = "answer"
    expected = AnswerExpected

    def rehearse(self, play: Play, outcome: str) -> None:
        answers = {point.key: WORDS for point in points_of(play.request)}
        play.do("answer_points", answers=answers, decision=outcome, reason=WORDS)

    def expectation(self, ctx: Context, stage: Stage) -> dict[str, Any]:
        """What each committee said, in one message."""
        given = [one for one in opinions_of(ctx.request) if one.stage.outcome]
        senses = [str(one.outcome.label).split(",")[0] for one in given]
        go = ctx.procedure.stage(stage.code).outcome("go")
        return {
            "sense": ", ".join(senses),
            "several": len(given) > 1,
            "points": any(one.points for one in given),
            "deemed": [str(one.deemed) for one in given if one.deemed],
            "blocked": " ".join(guards.requirements_unmet(ctx.request, go)),
        }

    def tell_again(self, ctx: Context) -> None:
        people = recipients.of_stage(ctx.the_stage)
        AnswerReminder.tell(people, ctx.request, since=ctx.the_stage.started_at)
