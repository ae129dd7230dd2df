"""The project is published in the public register (A34)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["register"]


KIND = Kind(
    code="register",
    spec=Spec,
    outcomes=frozenset({"published"}),
    traits=frozenset({Trait.PUBLISHES}),
    moves=(moves.end("publish_register", "published", Actor.SECRETARIAT),),
)
