"""Rows of typed columns.

Rows have no identifier: two versions are compared by lining up the rows that are the same, then by
cell those that stand between.
"""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field, create_model, model_validator

from requests_app.procedures.conditions import is_filled
from requests_app.procedures.texts import Text

from .amount import Amount
from .base import Code, Difference, Grid, Lack, Question, Shape, Stored
from .choice import Choice
from .date import Date
from .long_text import LongText
from .short_text import ShortText
from .whole_number import WholeNumber
from .yes_no import YesNo


Column = Annotated[
    ShortText | LongText | Choice | YesNo | Date | WholeNumber | Amount,
    Field(discriminator="type"),
]


def _differing(column: Question) -> int:
    """How many rows may differ in a column: those of a few answers are soon all said."""
    match column:
        case Choice():
            return len(column.labels)
        case YesNo():
            return 1 if column.tick else 2
        case WholeNumber():
            return column.high - column.low + 1
    return 200


class Table(Question):
    type: Literal["table"]
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=12)]
    min_rows: Annotated[int, Field(ge=1, le=50)] = 1  # when required
    max_rows: Annotated[int, Field(ge=1, le=200)] = 50
    unique: tuple[Code, ...] = ()  # columns that no two rows share
    # cards: one folded group a row, `spare` empty ones ready, emptied to be removed
    layout: Literal["grid", "cards"] = "grid"
    spare: Annotated[int, Field(ge=1, le=5)] = 1
    row_label: Text | None = None  # of a card, its number after it; the label otherwise

    @model_validator(mode="after")
    def columns_are_distinct(self) -> "Table":
        codes = [column.code for column in self.columns]
        if len(codes) != len(set(codes)):
            raise ValueError(f"table {self.code!r}: a column is named twice")
        if unknown := set(self.unique) - set(codes):
            raise ValueError(f"table {self.code!r}: no column {', '.join(sorted(unknown))}")
        most = min(
            [self.max_rows, *(_differing(one) for one in self.columns if one.code in self.unique)]
        )
        if self.min_rows > most:
            raise ValueError(
                f"table {self.code!r}: min_rows asks for {self.min_rows} rows, {most} at most are"
                " possible (max_rows, or the answers of a unique column)"
            )
        for column in self.columns:
            if list(column.conditions()) or column.role or column.part:
                raise ValueError(
                    f"table {self.code!r}: column {column.code!r} has no conditions,"
                    " role or part of its own"
                )
        return self

    @property
    def inputs(self) -> int:
        return self.max_rows * len(self.columns)

    # --- the stored answer ----------------------------------------------------------------------

    def shape(self) -> Shape:
        cells: dict[str, Any] = {column.code: column.shape() for column in self.columns}
        row = create_model(f"Row_{self.code}", __base__=Stored, **cells)
        return Annotated[list[row], Field(max_length=self.max_rows)], []

    def empty(self) -> Any:
        return []

    def empty_row(self) -> dict[str, Any]:
        return {column.code: column.empty() for column in self.columns}

    def is_begun(self, row: Mapping[str, Any]) -> bool:
        """Whether something is said in a row."""
        return any(row.get(column.code) != column.empty() for column in self.columns)

    def sample(self, facts: Mapping[str, Any], rank: int = 0) -> Any:
        return [
            {column.code: column.sample(facts, number) for column in self.columns}
            for number in range(self.min_rows)
        ]

    def tidy(self, value: Any) -> Any:
        return [row for row in value if self.is_begun(row)]

    # --- what lacks -----------------------------------------------------------------------------

    def lacks(self, value: Any) -> Iterator[Lack]:
        """Too few rows: told at the first that is empty."""
        if len(self.tidy(value)) < self.min_rows:
            begun = [self.is_begun(row) for row in value]
            index = begun.index(False) if False in begun else len(begun)
            place = f"{index}.{self.columns[0].code}"
            yield Lack("field", str(self.missing or self.label), place)

    def faults(self, value: Any, facts: Mapping[str, Any]) -> Iterator[Lack]:
        """Cells that a row begun lacks, and what two rows share wrongly: asked of every table."""
        repeated = {(index, code): first for index, code, first in self.repeated(value)}
        for index, row in enumerate(value):
            if not self.is_begun(row):
                continue
            for column in self.columns:
                place = f"{index}.{column.code}"
                if column.required and [*column.lacks(row[column.code])]:
                    yield Lack("cell", self._at(index, column, _("à remplir")), place)
                first = repeated.get((index, column.code))
                if first is not None:
                    same = _("déjà à la ligne %(n)s") % {"n": first + 1}
                    yield Lack("cell", self._at(index, column, same), place)

    def repeated(self, value: Any) -> Iterator[tuple[int, str, int]]:
        """(row, column, first row that says the same) of what no two rows may share."""
        for column in self.columns:
            seen: dict[str, int] = {}
            for index, row in enumerate(value):
                if column.code not in self.unique or not is_filled(row[column.code]):
                    continue
                said = column.words(row[column.code]).casefold()
                if said in seen:
                    yield index, column.code, seen[said]
                seen.setdefault(said, index)

    def _at(self, index: int, column: Question, said: str) -> str:
        return _("%(table)s, ligne %(n)s, %(column)s : %(said)s") % {
            "table": self.label,
            "n": index + 1,
            "column": column.label,
            "said": said,
        }

    # --- words ----------------------------------------------------------------------------------

    def cells(self, row: Mapping[str, Any]) -> list[str]:
        return [column.words(row.get(column.code)) for column in self.columns]

    def row_in_words(self, row: Mapping[str, Any]) -> str:
        return " – ".join(filter(None, self.cells(row)))

    def words(self, value: Any) -> str:
        if self.layout == "grid":
            return ""
        return "\n".join(self.row_in_words(row) for row in self.tidy(value))

    def grid(self, value: Any) -> Grid | None:
        rows = self.tidy(value)
        if self.layout == "cards" or not rows:
            return None
        head = [str(column.label) for column in self.columns]
        return Grid(str(self.label), head, [self.cells(row) for row in rows])

    def differences(self, before: Any, after: Any) -> Iterator[Difference]:
        old, new = self.tidy(before), self.tidy(after)
        lines_old, lines_new = [[tuple(self.cells(r)) for r in rows] for rows in (old, new)]
        matcher = SequenceMatcher(None, lines_old, lines_new, autojunk=False)
        for what, a, a_end, b, b_end in matcher.get_opcodes():
            if what == "equal":
                continue
            shared = min(a_end - a, b_end - b)
            for step in range(shared):
                yield from self._cells_between(b + step, lines_old[a + step], lines_new[b + step])
            for index in range(b + shared, b_end):
                label = _("%(table)s, ligne %(n)s ajoutée") % {"table": self.label, "n": index + 1}
                yield Difference(label, "", self.row_in_words(new[index]))
            for index in range(a + shared, a_end):
                label = _("%(table)s, ligne %(n)s retirée") % {"table": self.label, "n": index + 1}
                yield Difference(label, self.row_in_words(old[index]), "")

    def _cells_between(
        self, index: int, old: tuple[str, ...], new: tuple[str, ...]
    ) -> Iterator[Difference]:
        for column, before, after in zip(self.columns, old, new, strict=True):
            if before != after:
                label = _("%(table)s, ligne %(n)s, %(column)s") % {
                    "table": self.label,
                    "n": index + 1,
                    "column": column.label,
                }
                yield Difference(label, before, after)
