"""The applicant answers the points of the opinion and goes on, or stops (A15, T8)."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import CHOSEN, Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["answer"]


KIND = Kind(
    code="answer",
    spec=Spec,
    outcomes=frozenset({"go", "stop"}),
    traits=frozenset({Trait.EDITS_FILE}),
    follows=Trait.GIVES_OPINION,  # whose points are answered
    moves=(moves.end("answer_points", CHOSEN, Actor.TEAM, binding=True),),
)
