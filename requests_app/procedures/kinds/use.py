"""The data are used, until the access ends (A30)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["use"]


KIND = Kind(
    code="use",
    spec=Spec,
    outcomes=frozenset({"ended"}),
    traits=frozenset({Trait.IN_USE, Trait.NEEDS_RIGHTS}),
    moves=(moves.end("finish_use", "ended", Actor.SYSTEM),),
)
