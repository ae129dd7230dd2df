"""What was staged is confirmed against what was approved, by a second person (A33b)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["extract"]


KIND = Kind(
    code="extract",
    spec=Spec,
    outcomes=frozenset({"confirmed"}),
    traits=frozenset({Trait.PREPARES_DATA, Trait.NEEDS_RIGHTS}),
    moves=(
        moves.decide("confirm_extract", "confirmed", Actor.OPERATOR, Actor.MAIN_BASE_OFFICER),
        # what was confirmed could not be delivered: it is prepared and confirmed again
        moves.transition("reopen_extract", (moves.Stage.DONE,), moves.Stage.RUNNING, Actor.SYSTEM),
    ),
)
