"""The committee gives a reasoned opinion (A11–A14); its silence is what the procedure says."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.law import announcements
from requests_app.procedures.moves import CHOSEN, Actor
from requests_app.procedures.parts import CommitteeStage, Heading
from requests_app.procedures.texts import Text


ANNOUNCED = 3
# Such an opinion says at least one point to answer.
WITH_POINTS = frozenset({"favourable_with_recommendations", "reserved"})


class Spec(CommitteeStage):
    kind: Literal["opinion"]
    headings: Annotated[tuple[Heading, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def says_what_silence_is(self) -> "Spec":
        """An opinion's outcomes have an effect; a silence that becomes one is announced before."""
        for outcome in self.outcomes:
            if outcome.effect is None:
                silence = "silence is deemed to be" if outcome.tacit else "it is for the request"
                raise ValueError(
                    f"stage {self.code!r}, outcome {outcome.code!r}: say what {silence} (effect ="
                    " 'favourable', 'favourable_with_reservations', 'unfavourable' or 'none')"
                )
        ends = self.clock.on_expiry if self.clock else None
        if self.clock and ends and (ends.outcome or ends.task):
            last = "0d" in {one.at for one in self.clock.reminders}
            if announcements(self.clock.reminders) < ANNOUNCED or not last:
                raise ValueError(
                    f"stage {self.code!r}, clock.reminders: a silence that becomes an opinion is"
                    f" announced {ANNOUNCED} times, on days of their own, the last on the last day;"
                    " for example reminders = [{ at = '-10d' }, { at = '-3d' }, { at = '0d' }]"
                )
        return self

    @property
    def rubrics(self) -> Mapping[str, Text]:
        return {heading.code: heading.label for heading in self.headings}


KIND = Kind(
    code="opinion",
    spec=Spec,
    outcomes=frozenset(
        {"favourable", "favourable_with_recommendations", "reserved", "unfavourable"}
    ),
    traits=frozenset({Trait.OF_COMMITTEE, Trait.GIVES_OPINION}),
    parts={"issue_opinion": "opinion", "file_late_opinion": "opinion"},
    moves=(
        moves.note("declare_interest", Actor.MEMBER, makes_act=False),
        moves.note("file_report", Actor.RAPPORTEUR, makes_act=False, irreversible=True),
        moves.note("assign_rapporteurs", Actor.PRESIDENT, makes_act=False),
        moves.decide("issue_opinion", CHOSEN, Actor.PRESIDENT),
        moves.note("extend_opinion", Actor.PRESIDENT, irreversible=True),
        moves.note("withdraw_member", Actor.PRESIDENT, makes_act=False, irreversible=True),
        moves.transition(
            "file_late_opinion",
            (moves.Stage.DONE,),
            "",
            Actor.PRESIDENT,
            irreversible=True,
            needs_fresh_factor=True,
        ),
    ),
)
