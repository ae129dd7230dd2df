"""How long a procedure may take: the last day on which the answer to a file is due.

Each clock is laid after those it waits for, as the procedure's joins say. The applicant's own time
(answers, pieces to complete) is left out: it is theirs to choose.
"""

from dataclasses import dataclass
from datetime import date

from portal.common.calendar import legal_today
from portal.common.units import add_period
from requests_app.procedures.parts import Stage
from requests_app.procedures.schema import Procedure


@dataclass(frozen=True, slots=True)
class StepForecast:
    """When a stage is over at the latest; `ends_on` equals its start when nothing limits it."""

    stage: Stage
    starts_on: date
    ends_on: date
    limited: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """`usual_on`: last day without any extension; `latest_on`: every extension taken."""

    usual_on: date
    latest_on: date
    steps: tuple[StepForecast, ...]


def forecast(procedure: Procedure, *, deposited_on: date | None = None) -> Forecast:
    """Last days for a file deposited on a Paris day (today), complete at once, up to the answer.

    The answer is the last stage with a clock before the one that opens rights (`grants_on`), or
    before the last one of a course that opens none.
    """
    day = deposited_on or legal_today()
    usual = _laid(procedure, day, extended=False)
    latest = _laid(procedure, day, extended=True)
    return Forecast(
        usual_on=max((step.ends_on for step in usual), default=day),
        latest_on=max((step.ends_on for step in latest), default=day),
        steps=latest,
    )


def _before_grants(procedure: Procedure) -> set[str]:
    """Codes of the stages that the one which opens rights waits for, directly or not."""
    found: set[str] = set()
    waiting = [procedure.grants_on or procedure.stages[-1].code]
    while waiting:
        for join in procedure.stage(waiting.pop()).after:
            if join.stage not in found:
                found.add(join.stage)
                waiting.append(join.stage)
    return found


def _laid(procedure: Procedure, day: date, *, extended: bool) -> tuple[StepForecast, ...]:
    wanted = _before_grants(procedure)
    ends: dict[str, date] = {}
    steps = []
    for stage in procedure.stages:
        if stage.code not in wanted:
            continue
        start = max((ends.get(join.stage, day) for join in stage.after), default=day)
        end = _end(stage, start, extended=extended)
        ends[stage.code] = end
        steps.append(StepForecast(stage, start, end, limited=end != start))
    return tuple(steps)


def _end(stage: Stage, start: date, *, extended: bool) -> date:
    clock = stage.clock
    if clock is None or clock.period is None or stage.role == "applicant":
        return start
    end = add_period(start, clock.period)
    if extended and clock.extension is not None:
        end = add_period(end, clock.extension.by)
    return end
