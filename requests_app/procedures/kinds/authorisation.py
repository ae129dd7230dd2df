"""The authority's receipt, extension and answer, recorded (A16–A18)."""

from typing import Literal

from pydantic import model_validator

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Awaited, Stage


class Spec(Stage):
    kind: Literal["authorisation"]
    awaited: Awaited | None = None

    @model_validator(mode="after")
    def waits_from_a_receipt(self) -> "Spec":
        if self.awaited and not (self.clock and self.clock.start == "receipt"):
            raise ValueError(f"stage {self.code!r}: awaited needs a clock that starts at a receipt")
        return self

    @property
    def outside(self) -> Awaited | None:
        return self.awaited


KIND = Kind(
    code="authorisation",
    spec=Spec,
    outcomes=frozenset({"authorised", "refused"}),
    traits=frozenset({Trait.ANSWERS, Trait.AUTHORISES}),
    receipt="record_receipt",
    moves=(
        moves.note("record_receipt", Actor.LEGAL_OFFICER),
        moves.decide("record_authorisation", "authorised", Actor.LEGAL_OFFICER),
        moves.decide("record_refusal", "refused", Actor.LEGAL_OFFICER),
        moves.note("record_extension", Actor.LEGAL_OFFICER),
    ),
)
