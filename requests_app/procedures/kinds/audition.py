"""The committee hears the applicant on a date: convened, reminded before, recorded after."""

from typing import Literal

from pydantic import model_validator

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import CHOSEN, Actor
from requests_app.procedures.parts import CommitteeStage, Period, Stage


class Spec(CommitteeStage):
    """Its clock is the time to convene; once convened, it ends with the audition."""

    kind: Literal["audition"]
    notice: Period = "15d"  # from the convocation to the audition, at least
    reminder: Period = "2d"  # from the reminder to the audition

    @model_validator(mode="after")
    def is_never_forgotten(self) -> "Spec":
        if self.clock is None or self.clock.on_expiry.effect != "escalate":
            raise ValueError(
                f"stage {self.code!r}: an audition has a clock, whose end alerts the desk; write"
                " for example on_expiry = { effect = 'escalate' }"
            )
        return self


def notice_of(spec: Stage) -> str:
    return spec.notice if isinstance(spec, Spec) else ""


def reminder_of(spec: Stage) -> str:
    return spec.reminder if isinstance(spec, Spec) else ""


KIND = Kind(
    code="audition",
    spec=Spec,
    outcomes=frozenset({"heard", "absent"}),
    traits=frozenset({Trait.OF_COMMITTEE}),
    parts={"record_audition": "opinion"},  # what was said is the committee's until its opinion
    moves=(
        moves.note("declare_interest", Actor.MEMBER, makes_act=False),
        moves.end("record_audition", CHOSEN, Actor.PRESIDENT, Actor.SECRETARIAT),
        moves.note("convene_audition", Actor.PRESIDENT, Actor.SECRETARIAT),
        moves.note("withdraw_member", Actor.PRESIDENT, makes_act=False, irreversible=True),
        moves.note("remind_audition", Actor.SYSTEM, makes_act=False),
    ),
)
