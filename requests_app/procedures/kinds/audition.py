"""The committee hears the applicant on a date: convened, reminded before, recorded after."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from portal.common.units import LEAD_PERIOD
from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.law import Period, Reminder, begins_after
from requests_app.procedures.moves import CHOSEN, Actor
from requests_app.procedures.parts import CommitteeStage, Stage


Lead = Annotated[str, Field(pattern=LEAD_PERIOD)]


class Spec(CommitteeStage):
    """Its clock is the time to convene; once convened, what is left to hold and record it."""

    kind: Literal["audition"]
    notice: Period = "15d"  # from the convocation to the audition, at least
    reminder: Lead = "2d"  # from the reminder to the audition

    @model_validator(mode="after")
    def is_never_forgotten(self) -> "Spec":
        if self.clock is None or self.clock.on_expiry.effect != "escalate":
            raise ValueError(
                f"stage {self.code!r}: an audition has a clock, whose end alerts the desk; write"
                " for example clock = { start = 'stage', period = '2m', strength = 'G',"
                " source = 'règlement intérieur', on_expiry = { effect = 'escalate' } }"
            )
        if begins_after(Reminder(at=f"-{self.reminder}"), self.notice):
            raise ValueError(
                f"stage {self.code!r}: the reminder ({self.reminder} before) comes before the"
                f" convocation ({self.notice} before)"
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
    followed_by=Trait.GIVES_OPINION,  # with which its words are read
    parts={"record_audition": "opinion"},  # what was said is the committee's until its opinion
    moves=(
        moves.note("declare_interest", Actor.MEMBER, makes_act=False),
        moves.end("record_audition", CHOSEN, Actor.PRESIDENT, Actor.SECRETARIAT),
        moves.note("convene_audition", Actor.PRESIDENT, Actor.SECRETARIAT),
        moves.note("withdraw_member", Actor.PRESIDENT, makes_act=False, irreversible=True),
        moves.note("remind_audition", Actor.SYSTEM, makes_act=False),
    ),
)
