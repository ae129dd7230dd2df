"""What a kind is given to show how a stage is brought to an outcome: made-up people and their time.

Who plays a procedure without anyone (`portal.training.rehearsal`) asks each stage's kind
(`Kind.rehearse`), which alone knows its verbs and what they take.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from portal.accounts.models import User
from requests_app.models import AccessRequest, Stage
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.moves import CHOSEN, Actor
from requests_app.procedures.parts import Stage as StageSpec
from requests_app.procedures.schema import Procedure


WORDS = "Texte inventé pour l’essai."


class Play(Protocol):
    """One stage of one made-up file."""

    @property
    def request(self) -> AccessRequest:
        """As its row is now; so is `stage`."""
        ...

    @property
    def stage(self) -> Stage:
        """As its row is now."""
        ...

    @property
    def spec(self) -> StageSpec:
        """The stage as the procedure writes it."""
        ...

    @property
    def procedure(self) -> Procedure:
        """The procedure that is played."""
        ...

    def do(self, verb: str, *, by: User | None = None, **payload: Any) -> None:
        """A verb of the stage, by whoever may do it unless somebody is named. Raises what
        `engine.apply` does."""
        ...

    def people(self, actor: Actor) -> Sequence[User]:
        """Those who have a quality on the stage."""
        ...

    def wait(self, until: datetime) -> None:
        """Let legal time pass, with what it brings."""
        ...

    def open_rights(self) -> None:
        """As the provider proves them."""
        ...

    def close_rights(self) -> None:
        """As the provider proves that they ended."""
        ...


def ending(spec: StageSpec, outcome: str) -> str:
    """The verb by which a stage ends so; empty where no person's verb does."""
    silent = spec.outcome(outcome).tacit
    for move in KINDS[spec.kind].moves:
        if move.outcome == outcome or (move.outcome == CHOSEN and not silent):
            return move.name
    return ""
