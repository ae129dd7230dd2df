"""The rights are opened; it ends by itself with the first that is open (A30)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["opening"]


KIND = Kind(
    code="opening",
    spec=Spec,
    outcomes=frozenset({"opened"}),
    traits=frozenset({Trait.OPENS_ACCESS, Trait.NEEDS_RIGHTS}),
    moves=(moves.end("finish_opening", "opened", Actor.SYSTEM),),
)
