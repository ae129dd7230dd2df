"""A commitment to a reference methodology stands for the authorisation (A24)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["conformity"]


KIND = Kind(
    code="conformity",
    spec=Spec,
    outcomes=frozenset({"committed"}),
    traits=frozenset({Trait.ANSWERS}),
    moves=(
        moves.decide(
            "record_conformity", "committed", Actor.TEAM, Actor.LEGAL_OFFICER, binding=True
        ),
    ),
)
