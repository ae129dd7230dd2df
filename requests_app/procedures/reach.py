"""Every course that a file allows, walked to its end: what the request cannot do, where it stops.

A course is a state of the request, of each stage and of each task. Outcomes between which the rest
of the file makes no difference are one, and one that nothing asks for any more is forgotten: few
are left of any file that a person can read.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from portal.common.machine import Transition

from . import kinds
from .course import Course, StageFact, all_met, next_steps
from .moves import CHOSEN, EFFECTS, FINAL, OPEN, OVER, Request, Stage
from .parts import Outcome, TaskRule
from .parts import Stage as StageSpec


MOST = 20_000  # courses; a file that allows more is not understood by its reader either
_DONE = "."  # over, in a way that nothing asks for any more
_MIXED = "*"  # one row per holder, which did not all end alike


class _At(NamedTuple):
    """Where a course stands. A stage: a `moves.Stage`, or once done its outcome; a task: not yet
    (empty), open, held (concluded against what it blocks), over."""

    request: str
    stages: tuple[str, ...]
    tasks: tuple[str, ...]


class _Impossible(NamedTuple):
    where: str
    effect: str
    request: str


def faults(procedure: Course) -> Iterator[str]:
    """What no course of the file may hold, with its place. Names are known to lead somewhere."""
    walk = _Walk(procedure)
    walk.all()
    if walk.unfinished:
        yield f"stages: more than {MOST} courses, too many to be judged; let fewer run at once"
        return
    for one in sorted(walk.impossible):
        sources = ", ".join(sorted(EFFECTS[one.effect].sources))
        yield (
            f"{one.where}: request = {one.effect!r}, but the request may be {one.request!r} then"
            f" (possible from: {sources})"
        )
    if not walk.impossible and (lost := walk.lost()):
        yield (
            f"stages: once {lost} nothing more can happen and the request is not over; say what"
            " follows, or end it (request = …)"
        )


class _Walk:
    def __init__(self, procedure: Course) -> None:
        self.procedure = procedure
        self.place = {stage.code: number for number, stage in enumerate(procedure.stages)}
        self.outcomes = [_alike(procedure, stage) for stage in procedure.stages]
        self.asks = [_asks_to_complete(stage) for stage in procedure.stages]
        self.written = [
            {paused: _written(stage, paused=paused) for paused in (False, True)}
            for stage in procedure.stages
        ]
        self.before: dict[_At, tuple[_At, str] | None] = {}
        self.into: dict[_At, set[_At]] = {}
        self.impossible: set[_Impossible] = set()
        self.unfinished = False

    def all(self) -> None:
        first = _At(
            str(Request.SUBMITTED),
            (str(Stage.RUNNING), *[str(Stage.PENDING)] * (len(self.procedure.stages) - 1)),
            ("",) * len(self.procedure.tasks),
        )
        self.before[first] = None
        waiting = deque([first])
        while waiting and not self.unfinished:
            here = waiting.popleft()
            if here.request in FINAL:
                continue
            for said, there in self._moves(here):
                self.into.setdefault(there, set()).add(here)
                if there not in self.before:
                    self.before[there] = here, said
                    waiting.append(there)
            self.unfinished = len(self.before) > MOST

    def lost(self) -> str:
        """The shortest course that cannot end any more, in words; empty when all can."""
        good = {one for one in self.before if one.request in FINAL}
        waiting = deque(good)
        while waiting:
            for one in self.into.get(waiting.popleft(), set()) - good:
                good.add(one)
                waiting.append(one)
        for one in self.before:  # in the order in which they were found: the shortest first
            if one not in good:
                return self._story(one)
        return ""

    def _story(self, at: _At) -> str:
        said: list[str] = []
        step = self.before[at]
        while step is not None:
            said.append(step[1])
            step = self.before[step[0]]
        return ", then ".join(filter(None, reversed(said))) or "the file is deposited"

    # --- what may happen from somewhere ---

    def _moves(self, at: _At) -> Iterator[tuple[str, _At]]:
        for number, spec in enumerate(self.procedure.stages):
            if at.stages[number] in OPEN:
                yield from self._of_stage(at, number, spec)
        for number, rule in enumerate(self.procedure.tasks):
            if at.tasks[number] == "open":
                yield from self._of_task(at, number, rule)
        # What the team signs again before the desk has the file back.
        if at.request == Request.INCOMPLETE:
            yield "", at._replace(request=str(Request.AWAITING_SIGNATURE))
            back = [str(Stage.RUNNING) if one == Stage.PAUSED else one for one in at.stages]
            yield "", at._replace(request=str(Request.SUBMITTED), stages=tuple(back))
        elif at.request == Request.AWAITING_SIGNATURE:
            yield "", at._replace(request=str(Request.INCOMPLETE))

    def _of_stage(self, at: _At, number: int, spec: StageSpec) -> Iterator[tuple[str, _At]]:
        paused = at.stages[number] == Stage.PAUSED
        if not paused and self.asks[number] and at.request == Request.SUBMITTED:
            asked = _put(at.stages, number, str(Stage.PAUSED))
            yield "", at._replace(request=str(Request.INCOMPLETE), stages=asked)
        clock = spec.clock.on_expiry if spec.clock is not None and not paused else None
        if clock is not None and clock.task is not None:
            task = next(n for n, one in enumerate(self.procedure.tasks) if one.code == clock.task)
            if not at.tasks[task]:
                yield "", at._replace(tasks=_put(at.tasks, task, "open"))
        blocked = self._blocked(at, spec)
        signing = paused and at.request != Request.INCOMPLETE
        for outcome in self.outcomes[number]:
            silence = clock is not None and clock.outcome == outcome.code
            chosen = outcome.code in self.written[number][paused] and not blocked and not signing
            if silence or (chosen and self._open_to(at, outcome)):
                yield from self._end(at, number, spec, outcome)

    def _of_task(self, at: _At, number: int, rule: TaskRule) -> Iterator[tuple[str, _At]]:
        if at.request == Request.AWAITING_SIGNATURE:
            return  # its verb waits too
        for end in rule.outcomes:
            said = f"task {rule.code!r} concludes {end.code!r}"
            state = "held" if end.effect == "hold" else "over"
            then = at._replace(tasks=_put(at.tasks, number, state))
            place = self.place[rule.stage]
            if end.effect == "end_stage" and at.stages[place] == Stage.RUNNING:
                spec = self.procedure.stages[place]
                outcome = spec.outcome(str(end.outcome))
                if self._open_to(at, outcome):
                    yield from self._end(then, place, spec, outcome)
            elif end.effect == "end_request":
                request = self._request(at, str(end.request), f"task {rule.code!r}, {end.code!r}")
                if request:
                    yield said, _over(request)
            else:
                yield from ((said, one) for one in self._entailed(then))

    def _end(
        self, at: _At, number: int, spec: StageSpec, outcome: Outcome
    ) -> Iterator[tuple[str, _At]]:
        request = at.request
        if outcome.request is not None:
            where = f"stage {spec.code!r}, outcome {outcome.code!r}"
            request = self._request(at, outcome.request, where)
            if not request:
                return
        said = f"{spec.code!r} is {outcome.code!r}"
        if request in FINAL:
            yield said, _over(request)
            return
        ends = [outcome.code]
        if spec.per_holder:
            ends.append(_MIXED)
            if request != at.request:  # of one holder, while the others are waited for
                yield said, at._replace(request=request)
        for end in ends:
            then = at._replace(request=request, stages=_put(at.stages, number, end))
            if spec.clock is not None and spec.clock.on_expiry.task is not None:
                then = then._replace(tasks=self._dropped(then.tasks, spec.clock.on_expiry.task))
            yield from ((said, one) for one in self._entailed(then))

    def _request(self, at: _At, effect: str, where: str) -> str:
        """Where an effect brings the request; empty, and kept, when it may not be there."""
        move: Transition = EFFECTS[effect]
        if at.request not in move.sources:
            self.impossible.add(_Impossible(where, effect, at.request))
            return ""
        return move.target

    def _dropped(self, tasks: tuple[str, ...], code: str) -> tuple[str, ...]:
        rules = self.procedure.tasks
        return tuple(
            "over" if rules[n].code == code and one in {"", "open"} else one
            for n, one in enumerate(tasks)
        )

    # --- what is asked of where it stands ---

    def _facts(self, at: _At) -> list[StageFact]:
        states = set(Stage)
        return [
            StageFact(spec.code, one)
            if one in states
            else StageFact(spec.code, str(Stage.DONE), "" if one in {_DONE, _MIXED} else one)
            for spec, one in zip(self.procedure.stages, at.stages, strict=True)
        ]

    def _open_to(self, at: _At, outcome: Outcome) -> bool:
        return all(at.stages[self.place[one.stage]] in one.outcomes for one in outcome.requires)

    def _blocked(self, at: _At, spec: StageSpec) -> bool:
        for rule, state in zip(self.procedure.tasks, at.tasks, strict=True):
            if rule.blocks != spec.code or state not in {"open", "held"}:
                continue
            answer = at.stages[self.place[rule.stage]]
            own = self.procedure.stages[self.place[rule.stage]]
            given = {one.code for one in own.outcomes if not one.tacit}
            if state == "open" or answer not in given:
                return True
        return False

    # --- what follows ---

    def _entailed(self, at: _At) -> Iterator[_At]:
        facts = self._facts(at)
        tasks = tuple(
            "open" if not one and rule.opens_when and all_met(rule.opens_when, facts) else one
            for rule, one in zip(self.procedure.tasks, at.tasks, strict=True)
        )
        at = at._replace(tasks=tasks)
        steps = next_steps(self.procedure, facts)
        if not steps:
            yield self._without_what_is_past(at)
            return
        stages, some = list(at.stages), []
        for step in steps:
            number = self.place[step.code]
            stages[number] = str(Stage.RUNNING if step.name == "start" else Stage.SKIPPED)
            if step.name == "start" and self.procedure.stages[number].per_holder:
                some.append(number)
        yield from self._entailed(at._replace(stages=tuple(stages)))
        for number in some:  # none is concerned
            none = _put(tuple(stages), number, str(Stage.SKIPPED))
            yield from self._entailed(at._replace(stages=none))

    def _without_what_is_past(self, at: _At) -> _At:
        asked = set[str]()
        for spec, one in zip(self.procedure.stages, at.stages, strict=True):
            if one == Stage.PENDING:
                asked |= {join.stage for join in spec.after}
            if one == Stage.PENDING or one in OPEN:
                asked |= {need.stage for end in spec.outcomes for need in end.requires}
        for rule, one in zip(self.procedure.tasks, at.tasks, strict=True):
            if not one:
                asked |= {join.stage for join in rule.opens_when}
            asked |= {rule.stage} if one in {"", "open", "held"} else set()
        waiting = {str(Stage.PENDING), *map(str, OPEN), str(Stage.SKIPPED)}
        kept = [
            one if one in waiting or spec.code in asked else _DONE
            for spec, one in zip(self.procedure.stages, at.stages, strict=True)
        ]
        return at._replace(stages=tuple(kept))


def _over(request: str) -> _At:
    return _At(request, (), ())


def _asks_to_complete(spec: StageSpec) -> bool:
    return any(move.target == Stage.PAUSED for move in kinds.KINDS[spec.kind].moves)


def _put(states: tuple[str, ...], number: int, state: str) -> tuple[str, ...]:
    return (*states[:number], state, *states[number + 1 :])


def _written(spec: StageSpec, *, paused: bool) -> set[str]:
    """Outcomes that the verbs of its kind may write, from where it stands."""
    state = str(Stage.PAUSED if paused else Stage.RUNNING)
    ends = {
        move.outcome
        for move in kinds.KINDS[spec.kind].moves
        if move.target in OVER and state in move.sources
    }
    chosen = {one.code for one in spec.outcomes if not one.tacit} if CHOSEN in ends else set()
    return ends | chosen


def _alike(procedure: Course, spec: StageSpec) -> list[Outcome]:
    """One of the outcomes of each sort: the rest of the file does not tell the others from it."""
    joins = [join for one in procedure.stages for join in one.after]
    joins += [join for task in procedure.tasks for join in task.opens_when]
    needs = [need for one in procedure.stages for end in one.outcomes for need in end.requires]
    named = [join.outcomes for join in joins if join.stage == spec.code]
    named += [need.outcomes for need in needs if need.stage == spec.code]
    silence = spec.clock.on_expiry.outcome if spec.clock is not None else None
    sorts: dict[object, Outcome] = {}
    for one in spec.outcomes:
        where = tuple(one.code in codes for codes in named)
        written = [one.code in _written(spec, paused=paused) for paused in (False, True)]
        key = (one.request, one.requires, one.tacit, one.code == silence, *written, where)
        sorts.setdefault(key, one)
    return list(sorts.values())
