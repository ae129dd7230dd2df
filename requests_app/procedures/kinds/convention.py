"""The signed convention is recorded (A29)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["convention"]


KIND = Kind(
    code="convention",
    spec=Spec,
    outcomes=frozenset({"signed"}),
    traits=frozenset({Trait.AGREES, Trait.SAYS_RIGHTS, Trait.NEEDS_RIGHTS}),
    moves=(moves.decide("record_convention", "signed", Actor.LEGAL_OFFICER),),
)
