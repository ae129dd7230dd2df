"""What a procedure says of the law around its stages: reminders of a clock. Plain pydantic."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from portal.common.units import LEAD, parse_lead


Told = Literal["actor", "chair", "desk"]


class Reminder(BaseModel):
    """A message before (`-3wd`), on (`0d`) or after (`+5d`) the last day of a clock.

    `to`: who must act, the chair of their committee where they have one, the desk. On the last day
    all of them are told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[str, Field(pattern=LEAD)]
    to: Annotated[tuple[Told, ...], Field(min_length=1)] = ("actor",)

    @property
    def told(self) -> frozenset[Told]:
        return frozenset(get_args(Told)) if self.at == "0d" else frozenset(self.to)

    @property
    def before(self) -> bool:
        """Whether it speaks of a clock that still runs: its last day is one of its days."""
        return not self.at.startswith("+")

    @property
    def lead(self) -> tuple[int, str]:
        """Days before (negative) or after the last day, and their unit."""
        return parse_lead(self.at)
