"""Faults that only the whole procedure shows: names that lead nowhere, stages nothing reaches."""

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from . import kinds, reach
from .kind import Trait
from .moves import CHOSEN, OVER, Actor
from .parts import FINAL_EFFECTS, Access, Code, Convention, Join, Outcome, Piece, Stage, TaskRule


LONGEST_MONTHS = 240  # what a file may ask for, whatever its form


class Incoherent(ValueError):
    """A file whose parts hold one by one and not together."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("; ".join(found))
        self.found = found


class Whole(Protocol):
    """What is read here of a `schema.Procedure`, which asks this module whether it holds."""

    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...
    @property
    def dataset_kinds(self) -> tuple[str, ...]: ...
    @property
    def committee(self) -> str | None: ...
    @property
    def grants_on(self) -> Code | None: ...
    @property
    def convention(self) -> Convention | None: ...
    @property
    def access(self) -> Access | None: ...
    @property
    def pieces(self) -> tuple[Piece, ...]: ...
    @property
    def stages(self) -> tuple[Stage, ...]: ...
    @property
    def tasks(self) -> tuple[TaskRule, ...]: ...
    def stage(self, code: str) -> Stage: ...


def faults(procedure: Whole) -> list[str]:
    """Every fault found, in words that name the place in the file."""
    found = [
        *_duplicates(procedure),
        *_outcomes(procedure),
        *_clocks(procedure),
        *_joins(procedure),
        *_stage_references(procedure),
        *_tasks(procedure),
        *_shape(procedure),
        *_roles(procedure),
        *_neighbours(procedure),
    ]
    return found or list(reach.faults(procedure))  # once every name leads somewhere


def _duplicates(procedure: Whole) -> Iterator[str]:
    groups = {
        "piece": [p.code for p in procedure.pieces],
        "stage": [s.code for s in procedure.stages],
        "task": [t.code for t in procedure.tasks],
    }
    for kind, codes in groups.items():
        for code in sorted({c for c in codes if codes.count(c) > 1}):
            yield f"{kind} {code!r} is named twice"


def _bad_join(procedure: Whole, join: Join, known: set[str], where: str) -> Iterator[str]:
    if join.stage not in known:
        yield f"{where}: {join.stage!r} is not an earlier stage"
        return
    outcomes = {o.code for o in procedure.stage(join.stage).outcomes}
    for code in join.outcomes:
        if code not in outcomes:
            yield f"{where}: stage {join.stage!r} has no outcome {code!r}"


def _outcomes(procedure: Whole) -> Iterator[str]:
    """What the verbs of its kind write, a stage must name."""
    for stage in procedure.stages:
        written = kinds.KINDS[stage.kind].outcomes
        if missing := written - {outcome.code for outcome in stage.outcomes}:
            yield f"stage {stage.code!r}: outcomes missing: {', '.join(sorted(missing))}"


def _clocks(procedure: Whole) -> Iterator[str]:
    for stage in procedure.stages:
        receipt = stage.clock is not None and stage.clock.start == "receipt"
        if stage.clock is not None and (silence := stage.clock.on_expiry.outcome) is not None:
            where = f"stage {stage.code!r}, on_expiry"
            outcome = stage.outcome(silence)
            if outcome.requires:
                yield f"{where}: outcome {silence!r} has requires, which no clock can wait for"
            if not outcome.tacit and stage.clock.start != "permit_end":
                yield f"{where}: outcome {silence!r} is given by a silence: tacit = true"
        for one in stage.clock.reminders if stage.clock is not None else ():
            where = f"stage {stage.code!r}, reminder {one.at!r}"
            if "chair" in one.to and not kinds.has(stage.kind, Trait.OF_COMMITTEE):
                yield f"{where}: a stage of kind {stage.kind!r} has no chair to tell"
            if not one.before and stage.clock is not None and stage.clock.on_expiry.outcome:
                yield f"{where}: the stage has ended by then"
        if receipt and not kinds.KINDS[stage.kind].receipt:
            yield f"stage {stage.code!r}: no receipt is recorded in a stage of kind {stage.kind!r}"


def _joins(procedure: Whole) -> Iterator[str]:
    # Only earlier stages may be waited for: order in the file is a proof that there is no cycle.
    earlier: set[str] = set()
    for number, stage in enumerate(procedure.stages):
        if number and not stage.after:
            yield (f"stage {stage.code!r} waits for nothing: only the first opens with the deposit")
        for join in stage.after:
            yield from _bad_join(procedure, join, earlier, f"stage {stage.code!r}, after")
        earlier.add(stage.code)


def _stage_references(procedure: Whole) -> Iterator[str]:
    codes = {stage.code for stage in procedure.stages}
    tasks = {task.code for task in procedure.tasks}
    if procedure.grants_on not in {None, *codes}:
        yield f"grants_on names {procedure.grants_on!r}, which is not a stage"
    for stage in procedure.stages:
        for outcome in stage.outcomes:
            for requirement in outcome.requires:
                where = f"stage {stage.code!r}, outcome {outcome.code!r}, requires"
                if requirement.stage not in codes:
                    yield f"{where}: {requirement.stage!r} is not a stage"
                    continue
                known = {o.code for o in procedure.stage(requirement.stage).outcomes}
                for code in requirement.outcomes:
                    if code not in known:
                        yield f"{where}: stage {requirement.stage!r} has no outcome {code!r}"
        if stage.clock and stage.clock.on_expiry.task not in {None, *tasks}:
            task = stage.clock.on_expiry.task
            yield f"stage {stage.code!r}: on_expiry names task {task!r}, unknown"


def _tasks(procedure: Whole) -> Iterator[str]:
    codes = {stage.code for stage in procedure.stages}
    for task in procedure.tasks:
        for name, code in (("stage", task.stage), ("blocks", task.blocks)):
            if code not in codes:
                yield f"task {task.code!r}: {name} {code!r} is not a stage"
        if task.blocks in codes:
            clock = procedure.stage(task.blocks).clock
            if clock and clock.on_expiry.outcome and clock.start != "permit_end":
                yield (
                    f"task {task.code!r}: blocks {task.blocks!r}, which its clock ends whatever"
                    " is blocked"
                )
        for join in task.opens_when:
            yield from _bad_join(procedure, join, codes, f"task {task.code!r}, opens_when")
        if task.stage in codes:
            known = {o.code for o in procedure.stage(task.stage).outcomes}
            for outcome in task.outcomes:
                if (
                    outcome.outcome in known
                    and not procedure.stage(task.stage).outcome(outcome.outcome).tacit
                ):
                    yield (
                        f"task {task.code!r}: outcome {outcome.code!r} ends {task.stage!r} with"
                        f" {outcome.outcome!r}, which an act gives: name one that is tacit"
                    )
                elif outcome.outcome not in {None, *known}:
                    yield (
                        f"task {task.code!r}: outcome {outcome.code!r} ends {task.stage!r} with"
                        f" {outcome.outcome!r}, which it does not have"
                    )


def _shape(procedure: Whole) -> Iterator[str]:
    if not kinds.has(procedure.stages[0].kind, Trait.FIRST):
        yield f"the first stage must be of kind {_or(kinds.having(Trait.FIRST))}"
    if procedure.valid_until and procedure.valid_until < procedure.valid_from:
        yield "valid_until is before valid_from"
    yield from _end(procedure)
    yield from _committee(procedure)
    yield from _rights(procedure)
    yield from _after_rights(procedure)


def _end(procedure: Whole) -> Iterator[str]:
    """A file comes to an end by its last stage, whatever that stage is."""
    last = procedure.stages[-1]
    for outcome in last.outcomes:
        if outcome.request not in FINAL_EFFECTS:
            yield (
                f"stage {last.code!r}, outcome {outcome.code!r}: the last stage must end the"
                f" request (request = {', '.join(repr(one) for one in sorted(FINAL_EFFECTS))})"
            )
    for stage in procedure.stages[:-1]:
        for outcome in stage.outcomes:
            if outcome.request == "closed":
                yield (
                    f"stage {stage.code!r}, outcome {outcome.code!r}: only the last stage closes"
                    " the request"
                )


def _committee(procedure: Whole) -> Iterator[str]:
    asked = [
        stage.code
        for stage in procedure.stages
        if kinds.has(stage.kind, Trait.OF_COMMITTEE) and stage.its_committee is None
    ]
    if asked and procedure.committee is None:
        yield f"stage {asked[0]!r} asks a committee: name it (committee = '…')"
    if procedure.committee is not None and not asked:
        yield f"committee {procedure.committee!r} is asked by no stage"


def _rights(procedure: Whole) -> Iterator[str]:
    """Either one act creates rights, within terms, or nothing of the kind."""
    opens = [(s, o) for s in procedure.stages for o in s.outcomes if o.request == "in_force"]
    if procedure.grants_on is None:
        for stage, outcome in opens:
            yield (
                f"stage {stage.code!r}, outcome {outcome.code!r} puts the request in force, and"
                " grants_on names no stage"
            )
        for stage in procedure.stages:
            if kinds.has(stage.kind, Trait.NEEDS_RIGHTS):
                yield f"stage {stage.code!r}: kind {stage.kind!r} needs rights (grants_on)"
        for name in _TERMS:
            if getattr(procedure, name) is not None:
                yield f"{name}: its terms bind nothing, grants_on names no stage"
        return
    if len(opens) != 1:
        yield "exactly one outcome must put the request in force: the act that creates rights"
    elif opens[0][0].code != procedure.grants_on:
        yield f"the outcome that puts the request in force must be one of {procedure.grants_on!r}"
    for stage in procedure.stages:
        if kinds.has(stage.kind, Trait.SAYS_RIGHTS) and stage.code != procedure.grants_on:
            yield f"stage {stage.code!r}: kind {stage.kind!r} opens rights: grants_on names it"
        elif stage.code == procedure.grants_on:
            yield from _terms(procedure, stage)
            for outcome in stage.outcomes:
                if outcome.request == "in_force":
                    yield from _opens(stage, outcome)


def _after_rights(procedure: Whole) -> Iterator[str]:
    """What waits for an access runs only after the act that creates it: where the act's stage ends
    otherwise, or is skipped, there is nothing to open and the file would stay there."""
    acts = {
        outcome.code
        for stage in procedure.stages
        for outcome in stage.outcomes
        if stage.code == procedure.grants_on and outcome.request == "in_force"
    }
    sure = set[str]()  # stages that run once the rights are there
    for stage in procedure.stages:
        for join in stage.after:
            of_act = join.stage == procedure.grants_on and acts.issuperset(join.outcomes)
            if join.outcomes and (of_act or join.stage in sure):
                sure.add(stage.code)
        waits = any(kinds.has(stage.kind, one) for one in (Trait.OPENS_ACCESS, Trait.IN_USE))
        if waits and procedure.grants_on is not None and stage.code not in sure:
            codes = ", ".join(repr(code) for code in sorted(acts))
            yield (
                f"stage {stage.code!r}, after: kind {stage.kind!r} waits for the act that creates"
                f" rights; write {{ stage = {procedure.grants_on!r}, outcomes = [{codes}] }}, or an"
                " outcome of what follows it"
            )
        if stage.clock and stage.clock.start == "permit_end" and procedure.grants_on is None:
            yield (
                f"stage {stage.code!r}, clock: no access ends in a course that opens none"
                " (grants_on)"
            )


# The role of a stage, by who may end it; the others are told of no stage by their role.
_ROLES = {
    Actor.TEAM: "applicant",
    Actor.SECRETARIAT: "secretariat",
    Actor.LEGAL_OFFICER: "legal_officer",
    Actor.OPERATOR: "operator",
    Actor.HOLDER: "holder_representative",
}
_FOLLOWS = ("applicant", "secretariat", "legal_officer", "operator")  # what ends by itself


def _roles(procedure: Whole) -> Iterator[str]:
    """Who is told of a stage, and has it in their inbox, may act in it."""
    for stage in procedure.stages:
        kind = kinds.KINDS[stage.kind]
        enders = {who for move in kind.moves if move.target in OVER for who in move.actors}
        roles: tuple[str, ...] = tuple(_ROLES[one] for one in Actor if one in enders & set(_ROLES))
        if Trait.OF_COMMITTEE in kind.traits:
            roles = ("president",)
        if stage.role not in (roles or _FOLLOWS):
            yield (
                f"stage {stage.code!r}: role {stage.role!r} may not act in a stage of kind"
                f" {stage.kind!r}; write {_or(roles or _FOLLOWS)}"
            )


def _neighbours(procedure: Whole) -> Iterator[str]:
    """Kinds that need another before them or after."""
    known = {stage.code for stage in procedure.stages}
    before: dict[str, set[str]] = {}  # stages that are over when it begins
    for stage in procedure.stages:
        waited = {join.stage for join in stage.after} & known
        before[stage.code] = waited.union(*(before.get(code, set()) for code in waited))
    for stage in procedure.stages:
        kind = kinds.KINDS[stage.kind]
        earlier = [procedure.stage(code).kind for code in before[stage.code]]
        later = [one.kind for one in procedure.stages if stage.code in before[one.code]]
        for trait, near, what in (
            (kind.follows, earlier, "it waits for no stage of kind {}: name one in its after"),
            (
                kind.followed_by,
                later,
                "no stage of kind {} waits for it: write there after = [{{ stage = '{}' }}]",
            ),
        ):
            if trait is not None and not any(kinds.has(one, trait) for one in near):
                said = what.format(_or(kinds.having(trait)), stage.code)
                yield f"stage {stage.code!r}, kind {stage.kind!r}: {said}"


_TERMS = ("convention", "access")


def _terms(procedure: Whole, stage: Stage) -> Iterator[str]:
    """A convention has its own terms; an outcome that opens rights by itself has `access`."""
    by_itself = not kinds.has(stage.kind, Trait.SAYS_RIGHTS)
    name, other = reversed(_TERMS) if by_itself else _TERMS
    terms: Access | None = getattr(procedure, name)
    if getattr(procedure, other) is not None:
        yield f"{other}: a stage of kind {stage.kind!r} opens rights by the terms of [{name}]"
    if terms is None:
        yield f"{name}: its terms are missing, grants_on names a stage of kind {stage.kind!r}"
        return
    count, unit = int(terms.max_duration[:-1]), terms.max_duration[-1]
    if count * (12 if unit == "y" else 1) > LONGEST_MONTHS:
        yield f"{name}: max_duration is longer than {LONGEST_MONTHS} months"
    if not procedure.dataset_kinds:
        yield "dataset_kinds: rights are opened on no kind of dataset"
    for kind in procedure.dataset_kinds if isinstance(terms, Convention) else ():
        if not getattr(terms, kind):
            yield f"{name}: no party is named for datasets of kind {kind!r}"


def _opens(stage: Stage, outcome: Outcome) -> Iterator[str]:
    """Rights are opened by somebody's act, who has no part in the file: once, for all."""
    kind, where = kinds.KINDS[stage.kind], f"stage {stage.code!r}, outcome {outcome.code!r}"
    by_itself = Trait.SAYS_RIGHTS not in kind.traits
    enders = {who for m in kind.moves if m.outcome in {CHOSEN, outcome.code} for who in m.actors}
    if outcome.tacit:
        yield f"{where}: rights are opened by an act, never by a silence (tacit)"
    if stage.per_holder:
        yield f"{where}: each holder ends its own; name a stage that ends once for all"
    if by_itself and Trait.NEEDS_RIGHTS in kind.traits:
        yield f"{where}: kind {stage.kind!r} follows rights, it opens none"
    elif enders & {Actor.TEAM, Actor.SYSTEM}:
        yield f"{where}: the applicant's own act opens no rights; name a stage that others end"


def _or(codes: tuple[str, ...]) -> str:
    return " or ".join(repr(code) for code in codes)
