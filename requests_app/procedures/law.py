"""What a procedure says of the law around its stages: its authority, reminders of a clock, routes
of appeal. Plain pydantic."""

import re
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from portal.common.units import LEAD, PERIOD, parse_lead

from .texts import Text


Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
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


class Authority(BaseModel):
    """The authority outside the counter that decides, as sentences name it.

    French contracts: with its article in `name`, after “de” in `of`, after “à” in `to`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Slug
    short: Text
    full: Text
    name: Text
    of: Text
    to: Text
    application_example: Text | None = None  # of the number that it gives to an application
    number_pattern: str | None = None  # of the number of its authorisations
    number_example: Text | None = None

    @field_validator("number_pattern")
    @classmethod
    def is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @property
    def words(self) -> dict[str, Text]:
        """For sentences that name it: `%(of)s`."""
        return {"short": self.short, "name": self.name, "of": self.of, "to": self.to}


# Of a procedure that names none.
UNNAMED = Authority(
    code="authority",
    short=Text("autorité", "authority"),
    full=Text("autorité compétente", "competent authority"),
    name=Text("l’autorité", "the authority"),
    of=Text("de l’autorité", "of the authority"),
    to=Text("à l’autorité", "to the authority"),
)


class Appeal(BaseModel):
    """A way to contest an outcome, told with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Text  # Recours gracieux
    before: Text  # devant qui
    period: Annotated[str, Field(pattern=PERIOD)]
    source: Annotated[str, Field(min_length=1)]
