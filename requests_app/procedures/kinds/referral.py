"""The file is sent to the authority."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["referral"]


KIND = Kind(
    code="referral",
    spec=Spec,
    outcomes=frozenset({"referred"}),
    moves=(moves.end("record_referral", "referred", Actor.SECRETARIAT),),
)
