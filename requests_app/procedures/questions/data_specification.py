"""The chosen bases, tables and variables: the rows that holders, permits and extracts speak of.

Its role is its type: a form has one at most, and what the catalogue says of the rows is said by
`requests_app.selection`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import AfterValidator, Field

from requests_app.procedures.conditions import value_at
from requests_app.procedures.content import Row

from .base import Difference, Question, Shape


def _distinct(rows: list[Row]) -> list[Row]:
    keys = [row.key for row in rows]
    if len(keys) != len(set(keys)):
        raise ValueError("a table is named twice in the specification")
    return rows


def row_in_words(row: Row) -> str:
    """`base, table : VAR_1, VAR_2 (2015–2019)`; what is not restricted is said too."""
    what = row.dataset + (f", {row.table}" if row.table else "")
    names = ", ".join(row.variables) or _("toutes les variables")
    first, last = row.year_from or "…", row.year_until or "…"
    years = f"{first}–{last}" if row.year_from or row.year_until else _("toutes les années")
    return f"{what} : {names} ({years})"


class DataSpecification(Question):
    type: Literal["data_specification"]

    def shape(self) -> Shape:
        return Annotated[list[Row], Field(max_length=500), AfterValidator(_distinct)], []

    def empty(self) -> Any:
        return []

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        """Each base asked for, whole."""
        codes = value_at(facts, "datasets.codes") or []
        return [Row(dataset=code).model_dump() for code in codes]

    def words(self, value: Any) -> str:
        """Rows are read in tables of their own, with what the catalogue says of them."""
        return ""

    def differences(self, before: Any, after: Any) -> Iterator[Difference]:
        old, new = _by_key(before), _by_key(after)
        for key in [*new, *(key for key in old if key not in new)]:
            if old.get(key, "") != new.get(key, ""):
                label = ", ".join(filter(None, key))
                yield Difference(label, old.get(key, ""), new.get(key, ""))


def _by_key(value: Any) -> dict[tuple[str, str], str]:
    rows = [Row.model_validate(raw) for raw in value or []]
    return {row.key: row_in_words(row) for row in rows}
