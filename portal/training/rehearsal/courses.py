"""Every course that the outcomes and silences of a procedure open: one file for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from requests_app.models import Stage
from requests_app.procedures.schema import Procedure

from .cast import Cast
from .player import Place, Played, Player
from .report import FORMAT, Data, course_data


MOST = 120  # courses; a file that opens more is shown in part, and says so


@dataclass(frozen=True, slots=True)
class Course:
    """`fork`: where it leaves those before it; None for the first, which goes furthest."""

    fork: tuple[Place, str] | None
    played: Played
    data: Data  # for machines (`report`)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    procedure: Procedure
    day: date
    courses: list[Course]
    never: list[tuple[str, str]]  # (stage, outcome) that no course reached
    left: int  # courses that were not played, beyond `MOST`


def rehearse(procedure: Procedure, day: date, *, most: int = MOST) -> Rehearsal:
    """Play it from a day. Writes in the database it is given. Raises NoFile."""
    cast = Cast(procedure)
    waiting: list[tuple[dict[Place, str], tuple[Place, str] | None]] = [({}, None)]
    known = set[tuple[Place, str]]()
    courses: list[Course] = []
    while waiting and len(courses) < most:
        forced, fork = waiting.pop(0)
        player = Player(cast, day, forced)
        played = player.run()
        courses.append(Course(fork, played, course_data(played, fork, procedure)))
        player.leave()
        known |= {(one.place, one.chosen) for one in played.met}
        for number, met in enumerate(played.met):
            before = {one.place: one.chosen for one in played.met[:number]}
            for other in met.others:
                if (met.place, other) not in known:
                    known.add((met.place, other))
                    waiting.append((before | {met.place: other}, (met.place, other)))
    return Rehearsal(procedure, day, courses, [*_never(procedure, courses)], len(waiting))


def _never(procedure: Procedure, courses: list[Course]) -> Iterator[tuple[str, str]]:
    files = [course.played.request.pk for course in courses]
    rows = Stage.objects.filter(request__in=files).exclude(outcome="")
    seen = set(rows.values_list("code", "outcome"))
    for stage in procedure.stages:
        for outcome in stage.outcomes:
            if (stage.code, outcome.code) not in seen:
                yield stage.code, outcome.code


def as_data(found: Rehearsal) -> Data:
    """For machines: days are ISO, codes those of the file."""
    procedure = found.procedure
    return {
        "format": FORMAT,
        "procedure": {
            "code": procedure.code,
            "version": procedure.version,
            "title": str(procedure.title),
            "type": str(procedure.type),
        },
        "from": found.day.isoformat(),
        "courses": [one.data for one in found.courses],
        "never": [{"stage": stage, "outcome": outcome} for stage, outcome in found.never],
        "not_played": found.left,
        "faults": sum(len(one.played.faults) for one in found.courses),
    }
