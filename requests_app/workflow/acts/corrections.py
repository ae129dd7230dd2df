"""A correction is a new act with a reason; both stay visible and due dates are computed again."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.models import Act, Stage, StageState, TransitionLog
from requests_app.workflow import steps
from requests_app.workflow.context import ActData, Context
from requests_app.workflow.definition import FINAL, judge
from requests_app.workflow.guards import required_text
from requests_app.workflow.steps import facts
from requests_app.workflow.verbs import VERBS, Verb, register


def _act(ctx: Context) -> Act | None:
    value = ctx.payload.get("act")
    pk = getattr(value, "pk", value)
    try:
        return Act.objects.filter(pk=UUID(str(pk)), request=ctx.request).first()
    except ValueError:
        return None


def correctable_codes() -> frozenset[str]:
    """Acts done elsewhere, as their verbs say."""
    return frozenset(name for name, verb in VERBS.items() if verb.correctable)


@register
class CorrectAct(Verb):
    """`effective_at` is the corrected date, `data` the numbers, `text` the words, `document` the
    document."""

    name = "correct_act"
    button = gettext_lazy("Corriger l’acte")
    logged = gettext_lazy("Acte corrigé")
    backdated = True
    takes = frozenset({"act", "data", "text", "reason", "document"})

    def check(self, ctx: Context) -> Iterator[str]:
        yield from required_text(ctx, "reason", _("Indiquez le motif de la correction."))
        act = _act(ctx)
        if act is None:
            yield _("Choisissez l’acte à corriger.")
            return
        if Act.objects.filter(corrects=act).exists():
            yield _("Cet acte est déjà corrigé : corrigez l’acte qui le remplace.")
        if act.code not in correctable_codes():
            yield _("Cet acte ne se corrige pas : il a été fait dans le portail.")
        if unknown := set(ctx.payload.get("data") or {}) - set(act.data):
            yield _("Cet acte n’a pas de champ « %(name)s ».") % {"name": ", ".join(unknown)}
        if ctx.effective_at > ctx.now:
            yield _("La date d’effet ne peut pas être dans le futur.")
        yield from self._in_order(ctx, act)

    def _in_order(self, ctx: Context, act: Act) -> Iterator[str]:
        others = Act.objects.in_force().filter(stage=act.stage, stage__isnull=False)
        others = others.exclude(pk=act.pk)
        before = others.filter(entered_at__lt=act.entered_at).order_by("-effective_at").first()
        after = others.filter(entered_at__gt=act.entered_at).order_by("effective_at").first()
        floors = [before.effective_at] if before else []
        if act.stage is not None and act.stage.started_at is not None:
            floors.append(act.stage.started_at)
        if floors and ctx.effective_at < max(floors):
            yield _("La date d’effet ne peut pas précéder l’acte auquel celui-ci fait suite.")
        if after is not None and ctx.effective_at > after.effective_at:
            yield _("La date d’effet ne peut pas suivre l’acte qui vient après.")
        started = Stage.objects.filter(
            request=ctx.request, log__act=act, log__name="start"
        ).values_list("pk", flat=True)
        later = Act.objects.in_force().filter(stage__in=started)
        first = later.order_by("effective_at").first()
        if first is not None and ctx.effective_at > first.effective_at:
            yield _("La date d’effet ne peut pas suivre l’acte qui vient après.")

    def when(self, ctx: Context, asked: datetime | date | None) -> datetime:
        """Without a date the act keeps its own: only its numbers or words are corrected."""
        act = _act(ctx)
        return act.effective_at if asked is None and act is not None else ctx.effective_at

    def act(self, ctx: Context) -> ActData:
        act = _act(ctx)
        if act is None:
            raise LookupError("checked above")
        data: dict[str, Any] = {k: v for k, v in act.data.items() if not k.startswith("_")}
        return ActData(
            data=data | dict(ctx.payload.get("data") or {}) | {"_corrects": act},
            text=ctx.text("text") or act.text,
            document=ctx.file() or act.document,
            version=act.version,
            audit={"corrects": str(act.pk), "act": act.code},
        )

    def write(self, ctx: Context) -> None:
        """Carry the corrected date to the stages that the act ended or opened, then to the
        clocks."""
        corrected = ctx.the_act.corrects
        if corrected is None:
            raise LookupError("a correction corrects an act")
        chain = [corrected]
        while (previous := chain[-1].corrects) is not None:
            chain.append(previous)
        opened: list[Stage] = []
        for log in TransitionLog.objects.filter(act__in=chain).select_related("stage"):
            stage = log.stage
            if stage is None:
                if log.target in FINAL:
                    ctx.request.ended_at = ctx.effective_at
                    ctx.request.save(update_fields=["ended_at"])
                continue
            if log.target == StageState.DONE and stage.ended_at is not None:
                stage.ended_at = ctx.effective_at
                stage.save(update_fields=["ended_at"])
            elif log.name == "start":
                opened.append(stage)
        rows = facts(Stage.objects.filter(request=ctx.request))
        for stage in opened:
            ends = [judge(join, rows)[1] for join in ctx.procedure.stage(stage.code).after]
            stage.started_at = max(
                (end for end in ends if end is not None), default=stage.started_at
            )
            stage.save(update_fields=["started_at"])
        VERBS[corrected.code].corrected(ctx, corrected)
        for stage in Stage.objects.open().filter(request=ctx.request):
            steps.refresh_due(ctx, stage)

    @property
    def correctable(self) -> bool:
        """What replaces an act is corrected under that act's own code."""
        return False
