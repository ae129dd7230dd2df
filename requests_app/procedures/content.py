"""What of a file is the portal's own, whatever its form asks: rows of data, ways of delivery."""

from typing import Annotated

from django.conf import settings
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .parts import DAUGHTER_SYSTEM, PROJECT_SPACE


Label = str | Promise


def is_available(mode: str) -> bool:
    """Whether the portal can deliver in this way today; a file may hold one it cannot yet."""
    return mode != PROJECT_SPACE or bool(settings.PROJECT_SPACES)


def _project_space() -> str:
    words = gettext("espace projet : vous travaillez dans un espace du portail")
    return words if is_available(PROJECT_SPACE) else f"{words} ({gettext('pas encore disponible')})"


DELIVERY_MODES: dict[str, Label] = {
    DAUGHTER_SYSTEM: _("système fils : les données sont livrées à votre propre système"),
    PROJECT_SPACE: lazy(_project_space, str)(),
}
SHORT_DELIVERY: dict[str, Label] = {
    DAUGHTER_SYSTEM: _("système fils"),
    PROJECT_SPACE: _("espace projet"),
}

Name = Annotated[str, Field(min_length=1, max_length=100)]
Year = Annotated[int, Field(ge=1900, le=2200)]


class Row(BaseModel):
    """One dataset, or one of its tables: no variable named means all, no year means every year."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    dataset: Name
    table: Annotated[str, Field(max_length=100)] = ""
    variables: Annotated[list[Name], Field(max_length=5000)] = []
    year_from: Year | None = None
    year_until: Year | None = None

    @model_validator(mode="after")
    def years_are_in_order(self) -> "Row":
        if self.year_from and self.year_until and self.year_until < self.year_from:
            raise ValueError("the last year comes before the first")
        return self

    @property
    def key(self) -> tuple[str, str]:
        return self.dataset, self.table
