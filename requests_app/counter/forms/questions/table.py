"""Rows of fields: `sites__0__name`. Rows are added and removed by buttons, without JavaScript."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from requests_app.procedures.section import Section

from .base import NOTHING, SEPARATOR, UNKNOWN, Control, Digests, Group, control_class, plain


ADD, REMOVE = "add_row", "remove_row"  # buttons of a table: `sites:3` rows to show, `sites:1` to go
MOST_SENT = 200  # rows read of one page


@dataclass(frozen=True, slots=True)
class ShownRow:
    number: int
    fields: list[forms.BoundField]
    remove: str  # value of its button


class Table(Control):
    count = 0
    removed: int | None = None  # the row that a button takes away

    def _name(self, index: int, column: str) -> str:
        return SEPARATOR.join((self.question.code, str(index), column))

    def _columns(self, row: Mapping[str, Any]) -> dict[str, Control]:
        return {
            one.code: control_class(one.type)(one, stored=row.get(one.code), asked=self.asked)
            for one in self.question.columns
        }

    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        one, stored = self.question, self.stored or []
        shown = max(len(stored) + one.spare, self.asked.rows.get(one.code, 0))
        shown = min(shown, max(one.max_rows, len(stored)))
        # More than it may have, once someone removed rows of a longer one: read, then told.
        self.count = max(shown, min(sent(data, one.code), MOST_SENT))
        self.removed = removed_row(str(data.get(REMOVE, "")), one.code)
        found: dict[str, forms.Field] = {}
        for index in range(self.count):
            row = stored[index] if index < len(stored) else {}
            for code, control in self._columns(row).items():
                cell = found[self._name(index, code)] = control.field()
                # Needed once its row is begun: not "facultatif".
                cell.conditional = control.question.required  # type: ignore[attr-defined]
        return found

    def initial(self, value: Any) -> dict[str, Any]:
        return {
            self._name(index, code): control.initial(row[code])[code]
            for index, row in enumerate(value)
            for code, control in self._columns(row).items()
        }

    def collect(self, typed: Mapping[str, Any], stored: Any) -> Any:
        """Rows between two that say something stay where an open page shows them."""
        rows = []
        for index in range(self.count):
            before = stored[index] if index < len(stored) else self.question.empty_row()
            row = dict(before)
            for code, control in self._columns(before).items():
                if (name := self._name(index, code)) in typed:
                    row[code] = control.collect({code: typed[name]}, before[code])
            rows.append(row)
        if self.removed is not None:
            del rows[self.removed : self.removed + 1]
        while rows and not self.question.is_begun(rows[-1]):
            rows.pop()
        return rows

    def faults(self, cleaned: Mapping[str, Any], section: Section) -> Iterator[tuple[str, str]]:
        """What two rows share wrongly, at the second."""
        typed = {name: plain(cleaned[name]) for name in self.names if name in cleaned}
        for index, code, first in self.question.repeated(self.collect(typed, [])):
            said = _("Déjà à la ligne %(n)s : corrigez l’une des deux.") % {"n": first + 1}
            yield self._name(index, code), said

    def clashes(self, differing: frozenset[str], known: Digests, stored: Digests) -> frozenset[str]:
        """The whole table, as rows have no name: once someone added or removed one, or changed a
        cell of a row that the person changed too, which row is which is asked."""
        changed = differing & frozenset(self.names)
        if self.removed is not None:
            changed |= {name for name in self.names if self._row_of(name) == self.removed}
        moved = self._rows_in(known) != self._rows_in(stored)
        theirs = {self._row_of(name) for name in self.names if known[name] != stored[name]}
        if any(moved or self._row_of(name) in theirs for name in changed):
            return frozenset(self.names)
        return frozenset()

    def _row_of(self, name: str) -> int:
        return int(name.split(SEPARATOR)[1])

    def _rows_in(self, digests: Digests) -> int:
        """Rows up to the last that says something."""
        filled = (name for name, said in digests.items() if said not in {NOTHING, UNKNOWN})
        return sent(filled, self.question.code)

    def groups(self, form: forms.BaseForm) -> Iterator[Group]:
        one = self.question
        rows = [
            ShownRow(
                index + 1,
                [form[self._name(index, column.code)] for column in one.columns],
                f"{one.code}:{index}",
            )
            for index in range(self.count)
        ]
        if one.layout == "grid":
            yield Group(
                str(one.label),
                [field for row in rows for field in row.fields],
                self.help,
                anchor=one.code,
                template="requests_app/questions/table.html",
                more={
                    "rows": rows,
                    "add": f"{one.code}:{self.count + 1}",
                    "full": self.count >= one.max_rows,
                },
            )
            return
        for row in rows:
            label = f"{one.row_label or one.label} {row.number}"
            filled = any(field.value() or field.errors for field in row.fields)
            anchor = f"{one.code}-{row.number - 1}"
            yield Group(label, row.fields, open=bool(filled), anchor=anchor)


def sent(names: Iterable[str], code: str) -> int:
    """Rows of a table among names of fields."""
    name = re.compile(rf"{code}{SEPARATOR}([0-9]{{1,3}}){SEPARATOR}[a-z]")
    found = [int(read[1]) for read in map(name.match, names) if read]
    return max(found, default=-1) + 1


def removed_row(button: str, code: str) -> int | None:
    """The row of a table that a button removes."""
    read = re.fullmatch(rf"{code}:([0-9]{{1,3}})", button)
    return int(read[1]) if read else None


def without_row(data: QueryDict, code: str, gone: int) -> QueryDict:
    """What was sent, as it is shown without a row: the rows below move up."""
    name = re.compile(rf"{code}{SEPARATOR}([0-9]{{1,3}}){SEPARATOR}(.+)")
    kept = QueryDict(mutable=True)
    for key, values in data.lists():
        read = name.fullmatch(key)
        index = int(read[1]) if read else -1
        if key == REMOVE or (read and index == gone):
            continue
        moved = SEPARATOR.join((code, str(index - 1), read[2])) if read and index > gone else key
        kept.setlist(moved, values)
    return kept


CONTROL = Table
