"""What follows what, as a procedure says it: stages that start or are skipped, tasks that open.

Asked by the engine of a request's rows, and by `reach` of every course that a file allows. No
Django.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from .moves import OVER, Stage
from .parts import Join, TaskRule
from .parts import Stage as StageSpec


class Course(Protocol):
    """What is read here of a `schema.Procedure`."""

    @property
    def stages(self) -> tuple[StageSpec, ...]: ...
    @property
    def tasks(self) -> tuple[TaskRule, ...]: ...


@dataclass(frozen=True, slots=True)
class StageFact:
    """What the definition needs to know of a stage; a parallel stage gives one per holder."""

    code: str
    state: str
    outcome: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that follows: a stage that starts (`at`: its joins' last end) or is skipped."""

    name: Literal["start", "skip"]
    code: str
    at: datetime | None


Verdict = Literal["met", "waiting", "impossible"]


def judge(join: Join, facts: Sequence[StageFact]) -> tuple[Verdict, datetime | None]:
    """Whether a join holds, and since when. A skipped stage meets a join that names no outcome."""
    mine = [fact for fact in facts if fact.code == join.stage]
    if not mine or any(fact.state not in OVER for fact in mine):
        return "waiting", None
    if join.outcomes and any(fact.outcome not in join.outcomes for fact in mine):
        return "impossible", None
    ends = [fact.ended_at for fact in mine if fact.ended_at is not None]
    return "met", max(ends, default=None)


def all_met(joins: Iterable[Join], facts: Sequence[StageFact]) -> bool:
    return all(judge(join, facts)[0] == "met" for join in joins)


def next_steps(procedure: Course, facts: Sequence[StageFact]) -> list[Step]:
    """Stages that start or are skipped now, in the procedure's order.

    `facts` holds the request's stages; a stage of the procedure without a fact counts as pending.
    """
    known = list(facts)
    steps: list[Step] = []
    for spec in procedure.stages:
        mine = [fact for fact in known if fact.code == spec.code]
        if not spec.after or any(fact.state != Stage.PENDING for fact in mine):
            continue
        verdicts = [judge(join, known) for join in spec.after]
        if any(verdict == "impossible" for verdict, _ in verdicts):
            steps.append(Step("skip", spec.code, None))
            known = [fact for fact in known if fact.code != spec.code]
            known.append(StageFact(spec.code, str(Stage.SKIPPED)))
        elif all(verdict == "met" for verdict, _ in verdicts):
            ends = [end for _, end in verdicts if end is not None]
            steps.append(Step("start", spec.code, max(ends, default=None)))
    return steps


def tasks_due(procedure: Course, facts: Sequence[StageFact]) -> list[TaskRule]:
    """Tasks whose joins all hold (those opened by a clock have none and are not listed)."""
    return [task for task in procedure.tasks if task.opens_when and all_met(task.opens_when, facts)]
