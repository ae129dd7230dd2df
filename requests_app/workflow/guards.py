"""Rules shared by several verbs, each giving reasons in French that say what to do."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import Role, RoleAssignment
from requests_app.models import AccessRequest, InterestDeclaration, Stage, Task
from requests_app.procedures.parts import Outcome
from requests_app.procedures.parts import Stage as StageSpec

from .context import Context


def required_text(ctx: Context, name: str, message: str) -> Iterator[str]:
    """The message, when the payload's text shows nothing."""
    if not ctx.line(name):  # nothing that shows
        yield message


def why_not_end(ctx: Context, outcome: str) -> Iterator[str]:
    """What stands before an end of this stage, whatever its kind: a task, or what the procedure
    requires of this outcome (T1, A24: a tacit opinion does not open MR-007). Asked of the clock
    too: a file where it would be refused is not accepted (`procedures.coherence`)."""
    if not outcome or outcome not in {one.code for one in ctx.spec.outcomes}:
        return  # no end; a code that is no outcome is the verb's to refuse
    yield from requirements_unmet(ctx.request, ctx.spec.outcome(outcome))
    if ctx.move.name != "expire":
        yield from not_blocked(ctx)


def requirements_unmet(request: AccessRequest, outcome: Outcome) -> Iterator[str]:
    """What the person is told, requirement by requirement, of an outcome that is not open."""
    for requirement in outcome.requires:
        stage = Stage.objects.filter(request=request, code=requirement.stage).first()
        if stage is None or stage.outcome not in requirement.outcomes:
            yield str(requirement.refusal)


def express_sense(ctx: Context, sense: str) -> Iterator[str]:
    """A person chooses an express outcome; a tacit one is the clock's alone."""
    express = {outcome.code for outcome in ctx.spec.outcomes if not outcome.tacit}
    if sense not in express:
        yield _("Choisissez le sens parmi ceux que la procédure prévoit.")


def headings_filled(spec: StageSpec, headings: Mapping[str, str]) -> Iterator[str]:
    """A11: every heading of the procedure, and no other."""
    for code, label in spec.rubrics.items():
        if not str(headings.get(code, "")).strip():
            yield _("Remplissez la rubrique « %(label)s ».") % {"label": label}
    if set(headings) - set(spec.rubrics):
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


def widened(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> list[str]:
    """Rows of a corrected specification that ask for more than the version judged, as words.

    A row is narrower when an old one has its dataset, its table (or all of them), its variables (or
    all of them) and its years.
    """
    known = list(old)
    return [
        " / ".join(filter(None, [str(row["dataset"]), str(row.get("table") or "")]))
        for row in new
        if not any(_within(row, one) for one in known)
    ]


def _within(row: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    if row["dataset"] != old["dataset"] or old.get("table") not in {"", None, row.get("table")}:
        return False
    wide, narrow = set(old.get("variables") or ()), set(row.get("variables") or ())
    if wide and not (narrow and narrow <= wide):
        return False
    first, last = old.get("year_from"), old.get("year_until")
    starts, ends = row.get("year_from"), row.get("year_until")
    return (first is None or (starts is not None and starts >= first)) and (
        last is None or (ends is not None and ends <= last)
    )


def withdrawn_members(ctx: Context, stage: Stage | None = None) -> list[InterestDeclaration]:
    """Those of the committee of a stage, the act's own when none is named: a declaration is made
    once, by whoever sits in two."""
    committee = (stage or ctx.the_stage).committee_id
    seated = RoleAssignment.objects.active().filter(
        scope=committee, role__in=[Role.PRESIDENT, Role.COMMITTEE_MEMBER]
    )
    return list(
        InterestDeclaration.objects.filter(
            Q(committee=committee) | Q(member__in=seated.values("user")),
            request=ctx.request,
            answer=InterestDeclaration.Answer.WITHDRAWN,
        ).select_related("member")
    )


def not_blocked(ctx: Context) -> Iterator[str]:
    """No task of the procedure stands before this stage, open or answered against it."""
    for task in Task.objects.filter(request=ctx.request, blocks=ctx.the_stage.code):
        rule = ctx.procedure.task(task.code)
        if task.closed_at is None:
            yield _("Une vérification est en attente : « %(label)s ».") % {"label": rule.label}
        elif (
            task.outcome != "without_object"
            and rule.outcome(task.outcome).effect
            not in {
                "pass",
                "end_stage",
            }
            and not _answered_since(ctx, task)
        ):
            yield _("La vérification « %(label)s » a conclu : %(outcome)s.") % {
                "label": rule.label,
                "outcome": rule.outcome(task.outcome).label,
            }


def _answered_since(ctx: Context, task: Task) -> bool:
    """Held until an express answer, and the stage it belongs to has ended since by a person."""
    stage = task.stage
    if stage is None or stage.state != "done":
        return False
    return not ctx.procedure.stage(stage.code).outcome(stage.outcome).tacit
