"""Each holder of the data asked for is consulted, in parallel."""

from typing import Literal

from requests_app.procedures import moves
from requests_app.procedures.kind import Kind, Trait
from requests_app.procedures.moves import Actor
from requests_app.procedures.parts import Stage


class Spec(Stage):
    kind: Literal["holder"]
    parallel: Literal["catalogue_holders"]  # one row per holder of the chosen datasets

    @property
    def per_holder(self) -> bool:
        return True


KIND = Kind(
    code="holder",
    spec=Spec,
    outcomes=frozenset({"remark", "no_remark"}),
    traits=frozenset({Trait.CONSULTS_HOLDERS}),
    moves=(
        moves.end("file_remark", "remark", Actor.HOLDER),
        moves.end("file_no_remark", "no_remark", Actor.HOLDER),
    ),
)
