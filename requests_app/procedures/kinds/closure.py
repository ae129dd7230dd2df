"""Every access is closed, and so is the file."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["closure"]


KIND = Kind(
    code="closure",
    spec=Spec,
    outcomes=frozenset({"closed"}),
    moves=(moves.end("close", "closed", Actor.SECRETARIAT),),
)
