"""One hit of the results page with its rows."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog.models import Dataset, Table, Variable

from . import places
from .places import Place


VARIABLES_SHOWN = 3


class Matching(NamedTuple):
    """A variable that answers for its table."""

    name: str
    label_fr: str


@dataclass(slots=True)
class Found:
    """One hit with its rows, ready for the template."""

    kind: str
    object: Any  # Dataset or Table, None for a variable
    base: Dataset  # the one that says how it is asked for: here, when one of them is
    name: str = ""
    labels: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # of a variable: the first ones
    total: int = 0  # tables that hold the variable
    variables: list[Variable] = field(default_factory=list)  # rows of the tables shown
    identifier_code: str = ""
    is_demo: bool = False  # one of its bases is
    matching: list[Matching] = field(default_factory=list)  # a table's, when they answer for it
    why: str = ""
    excerpt: str = ""  # of the text that `why` names

    @property
    def tables_shown(self) -> list[Table]:
        return [variable.table for variable in self.variables]

    @property
    def tables_left(self) -> int:
        return self.total - len(self.variables)

    @property
    def holders(self) -> list[str]:
        return list(dict.fromkeys(place.holder for place in self.places[: places.LOOKED]))

    @property
    def base_codes(self) -> list[str]:
        """Codes of its bases: of a variable, those of the places that were read."""
        found = [place.dataset for place in self.places] or [self.base.code]
        return list(dict.fromkeys(found))

    @property
    def table_names(self) -> list[str]:
        """Names of the tables that hold the variable, as far as its places were read."""
        return [place.table for place in self.places]

    @property
    def matching_shown(self) -> list[Matching]:
        return self.matching[:VARIABLES_SHOWN]

    @property
    def matching_left(self) -> int:
        return max(0, len(self.matching) - VARIABLES_SHOWN)

    @property
    def identifier(self) -> str:
        return str(dict(Variable.Identifier.choices).get(self.identifier_code, ""))
