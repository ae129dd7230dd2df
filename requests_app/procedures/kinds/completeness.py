"""The desk checks that the file is complete (A5): one message, at most so many rounds."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.law import Period
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["completeness"]
    max_rounds: Annotated[int, Field(gt=0)] = 2  # requests sent to the applicant
    # time given to the applicant while the clock is stopped; its end is a reminder
    completion_period: Period | None = None

    @model_validator(mode="after")
    def stops_to_wait(self) -> "Spec":
        if self.completion_period and not (self.clock and self.clock.pauses):
            raise ValueError(f"stage {self.code!r}: completion_period needs a clock that pauses")
        return self

    @property
    def may_pause(self) -> bool:
        return True

    @property
    def time_to_complete(self) -> Period | None:
        return self.completion_period


def rounds(spec: Stage) -> int:
    """How often the applicant may be asked to complete the file."""
    return spec.max_rounds if isinstance(spec, Spec) else 0


KIND = Kind(
    code="completeness",
    spec=Spec,
    outcomes=frozenset({"complete", "redirected", "closed_incomplete"}),
    traits=frozenset({Trait.FIRST}),
    moves=(
        moves.end("accept_completeness", "complete", Actor.SECRETARIAT),
        moves.transition(
            "request_completion",
            (moves.Stage.RUNNING,),
            moves.Stage.PAUSED,
            Actor.SECRETARIAT,
            irreversible=True,
        ),
        moves.end("redirect", "redirected", Actor.SECRETARIAT),
        replace(
            moves.end("close_incomplete", "closed_incomplete", Actor.SECRETARIAT),
            sources=frozenset({str(moves.Stage.RUNNING), str(moves.Stage.PAUSED)}),
        ),
    ),
)
