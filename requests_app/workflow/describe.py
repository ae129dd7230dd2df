"""The machines and the procedures as a page to read, made from the tables and files that run them.

`docs/workflow.md` is this text; a test compares them (`make docs` rewrites it).
"""

from collections.abc import Iterable, Sequence

from portal.accounts import invitation_moves
from portal.common.machine import Machine, Transition
from portal.common.units import UNITS, parse_period
from requests_app.procedures import registry
from requests_app.procedures.law import UNNAMED
from requests_app.procedures.parts import Clock, Stage
from requests_app.procedures.schema import Procedure
from requests_app.provisioning import grant_states
from requests_app.provisioning.extract import moves as extract_moves

from .definition import KINDS, REQUEST_MOVES, STAGE_STEPS


STARTS = {
    "deposit": "the signed deposit",
    "stage": "the opening of the stage",
    "receipt": "the recorded receipt",
    "permit_end": "the end of the access itself",
}
EFFECTS = {"escalate": "the desk is alerted", "remind": "a reminder is sent"}


# What is no course of stages: the table of each room below.
MACHINES: tuple[Machine, ...] = (
    grant_states.MACHINE,
    extract_moves.MACHINE,
    invitation_moves.MACHINE,
)


def describe() -> str:
    """Markdown, in English: what a developer or an auditor checks against the law."""
    parts = [
        "# States, moves and procedures",
        "Made by `make docs` from `requests_app/workflow/definition.py`, `procedures/kinds/*.py`,"
        " the tables of the other rooms and `requests_app/procedures/*.toml`; not written by hand."
        " A move without an actor is entailed by another, never asked for.",
        "## The request",
        _moves(REQUEST_MOVES.values()),
        "## A stage, of any kind",
        _moves(STAGE_STEPS.values()),
        *_kinds(),
        *(part for machine in MACHINES for part in _machine(machine)),
        *(part for one in registry.everything() for part in _procedure(one)),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(machine: Machine) -> Iterable[str]:
    article = "An" if machine.what[0] in "aeiou" else "A"
    yield f"## {article} {machine.what}"
    yield f"It begins `{machine.first}`."
    yield _table(
        ("Move", "From", "To", "Actor"),
        [
            (m.name, _list(m.sources), m.target or "(stays)", _list(m.actors))
            for m in machine.moves.values()
        ],
    )


def _kinds() -> Iterable[str]:
    for code, kind in KINDS.items():
        yield f"### Stage of kind `{code}`"
        yield _moves(kind.moves)


def _moves(moves: Iterable[Transition]) -> str:
    return _table(
        ("Move", "From", "To", "Outcome", "Actors"),
        [
            (m.name, _list(m.sources), m.target or "(stays)", m.outcome, _list(m.actors))
            for m in moves
        ],
    )


def _procedure(procedure: Procedure) -> Iterable[str]:
    yield f"## Procedure `{procedure.code}`, version {procedure.version}"
    until = f" until {procedure.valid_until}" if procedure.valid_until else ""
    named = ", ".join(f"`{code}`" for code in sorted(procedure.committees))
    committee = f"committee {named}" if named else "no committee"
    outside = procedure.authority
    authority = f"authority `{outside.short}`; " if outside != UNNAMED else ""
    rights = "no rights are created"
    if procedure.opens_rights:
        rights = f"rights are created by `{procedure.grants_on}`"
        rights += f" and last {procedure.terms.max_duration} at most"
    yield (
        f"{procedure.title}. A case of type `{procedure.type}`. Valid from"
        f" {procedure.valid_from}{until}; {committee}; {authority}{rights}."
    )
    yield _table(
        ("Stage", "Actor", "After", "Outcomes", "Source"),
        [(s.code, s.role, _after(s), _outcomes(s), s.source) for s in procedure.stages],
    )
    yield _table(
        (
            "Clock of",
            "Starts",
            "Period",
            "Extension",
            "Pauses",
            "At its end",
            "Reminders",
            "Source",
        ),
        [(s.code, *_clock(s.clock)) for s in procedure.stages if s.clock is not None],
    )
    if procedure.tasks:
        yield _table(
            ("Task", "For", "Blocks", "Outcomes", "Source"),
            [
                (t.code, t.role, t.blocks, ", ".join(o.code for o in t.outcomes), t.source)
                for t in procedure.tasks
            ],
        )


def _after(stage: Stage) -> str:
    joins = [
        f"{join.stage} ({', '.join(join.outcomes)})" if join.outcomes else join.stage
        for join in stage.after
    ]
    each = "one per data holder, " if stage.per_holder else ""
    return each + (" and ".join(joins) or "the deposit")


def _outcomes(stage: Stage) -> str:
    return ", ".join(
        outcome.code
        + (" (tacit)" if outcome.tacit else "")
        + (f" → {outcome.request}" if outcome.request else "")
        for outcome in stage.outcomes
    )


def _clock(clock: Clock) -> tuple[str, ...]:
    period = _period(clock.period) if clock.period else ""
    if clock.urgent_period:
        period += f" ({_period(clock.urgent_period)} if urgent)"
    expiry = clock.on_expiry
    effect = EFFECTS.get(expiry.effect) or f"{expiry.effect} `{expiry.outcome or expiry.task}`"
    return (
        STARTS[clock.start],
        period,
        f"{_period(clock.extension.by)}, once" if clock.extension else "",
        "yes" if clock.pauses else "",
        effect,
        ", ".join(f"{one.at} ({', '.join(sorted(one.told))})" for one in clock.reminders),
        f"{clock.source} [{clock.strength}]",
    )


def _period(period: str) -> str:
    count, unit = parse_period(period)
    words = UNITS[unit].english
    return f"{count} {words.removesuffix('s') if count == 1 else words}"


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(heads), " | ".join("---" for _head in heads)]
    lines += [" | ".join(cell.replace("|", "/") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
