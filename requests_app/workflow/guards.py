"""Rules shared by several verbs, each giving reasons in French that say what to do."""

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext as _

from requests_app.models import InterestDeclaration, Stage, Task
from requests_app.procedures.schema import Stage as StageSpec

from .context import Context


def required_text(ctx: Context, name: str, message: str) -> Iterator[str]:
    if not ctx.text(name):
        yield message


def outcome_allowed(ctx: Context, outcome: str) -> Iterator[str]:
    """What the procedure requires for an outcome (T1, A24: a tacit opinion does not open MR-007)."""
    for requirement in ctx.spec.outcome(outcome).requires:
        stage = Stage.objects.filter(request=ctx.request, code=requirement.stage).first()
        if stage is None or stage.outcome not in requirement.outcomes:
            yield requirement.refusal


def express_sense(ctx: Context, sense: str) -> Iterator[str]:
    """A person chooses an express outcome; a tacit one is the clock's alone."""
    express = {outcome.code for outcome in ctx.spec.outcomes if not outcome.tacit}
    if sense not in express:
        yield _("Choisissez le sens parmi ceux que la procédure prévoit.")


def headings_filled(spec: StageSpec, headings: Mapping[str, str]) -> Iterator[str]:
    """A11: every heading of the procedure, and no other."""
    for heading in spec.headings:
        if not str(headings.get(heading.code, "")).strip():
            yield _("Remplissez la rubrique « %(label)s ».") % {"label": heading.label}
    if set(headings) - {heading.code for heading in spec.headings}:
        yield _("Une rubrique n’est pas de cette procédure. Rechargez la page.")


def numbered(points: Iterable[object]) -> list[dict[str, object]]:
    """`["…", "…"]` → `[{"number": 1, "text": "…"}, …]`; empty lines are left out."""
    texts = [
        str(point.get("text", "") if isinstance(point, Mapping) else point).strip()
        for point in points
    ]
    return [
        {"number": number, "text": text}
        for number, text in enumerate((text for text in texts if text), start=1)
    ]


def withdrawn_members(ctx: Context) -> list[InterestDeclaration]:
    return list(
        InterestDeclaration.objects.filter(
            request=ctx.request, answer=InterestDeclaration.Answer.WITHDRAWN
        ).select_related("member")
    )


def not_blocked(ctx: Context) -> Iterator[str]:
    """No task of the procedure stands before this stage, open or answered against it."""
    for task in Task.objects.filter(request=ctx.request, blocks=ctx.the_stage.code):
        rule = ctx.procedure.task(task.code)
        if task.closed_at is None:
            yield _("Une vérification est en attente : « %(label)s ».") % {"label": rule.label}
        elif (
            task.outcome != "without_object"
            and rule.outcome(task.outcome).effect
            not in {
                "pass",
                "end_stage",
            }
            and not _answered_since(ctx, task)
        ):
            yield _("La vérification « %(label)s » a conclu : %(outcome)s.") % {
                "label": rule.label,
                "outcome": rule.outcome(task.outcome).label,
            }


def _answered_since(ctx: Context, task: Task) -> bool:
    """Held until an express answer, and the stage it belongs to has ended since by a person."""
    stage = task.stage
    if stage is None or stage.state != "done":
        return False
    return not ctx.procedure.stage(stage.code).outcome(stage.outcome).tacit
