"""Rows of fields: `sites__0__name`. Rows are added and removed by buttons, without JavaScript."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from requests_app.procedures.section import Section

from . import amount, choice, date, long_text, short_text, whole_number, yes_no
from .base import SEPARATOR, Control, Group


COLUMNS: dict[str, type[Control]] = {
    "short_text": short_text.CONTROL,
    "long_text": long_text.CONTROL,
    "choice": choice.CONTROL,
    "yes_no": yes_no.CONTROL,
    "date": date.CONTROL,
    "whole_number": whole_number.CONTROL,
    "amount": amount.CONTROL,
}


@dataclass(frozen=True, slots=True)
class ShownRow:
    number: int
    fields: list[forms.BoundField]
    remove: str  # value of its button


class Table(Control):
    count = 0

    def _name(self, index: int, column: str) -> str:
        return SEPARATOR.join((self.question.code, str(index), column))

    def _columns(self, row: Mapping[str, Any]) -> dict[str, Control]:
        return {
            one.code: COLUMNS[one.type](one, stored=row.get(one.code), asked=self.asked)
            for one in self.question.columns
        }

    def own_fields(self, data: Mapping[str, Any]) -> dict[str, forms.Field]:
        one, stored = self.question, self.stored or []
        shown = max(len(stored) + one.spare, self.asked.rows.get(one.code, 0), sent(data, one.code))
        self.count = min(shown, max(one.max_rows, len(stored)))
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
        while rows and not self.question.is_begun(rows[-1]):
            rows.pop()
        return rows

    def faults(self, cleaned: Mapping[str, Any], section: Section) -> Iterator[tuple[str, str]]:
        """What two rows share wrongly, at the second."""
        for code in self.question.unique:
            seen: dict[str, int] = {}
            for index in range(self.count):
                name = self._name(index, code)
                key = str(cleaned.get(name) or "").casefold()
                if key and key in seen:
                    yield (
                        name,
                        _("Déjà à la ligne %(n)s : corrigez l’une des deux.")
                        % {"n": seen[key] + 1},
                    )
                seen.setdefault(key, index)

    def clashes(self, differing: frozenset[str], filled: frozenset[str]) -> frozenset[str]:
        """Rows have no name: once someone added or removed one, which row is which is asked."""
        own = frozenset(self.names)
        before = max((int(name.split(SEPARATOR)[1]) for name in filled & own), default=-1) + 1
        return differing & own if before != len(self.stored or []) else frozenset()

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


def sent(data: Mapping[str, Any], code: str) -> int:
    """Rows of a table in what was sent."""
    name = re.compile(rf"{code}{SEPARATOR}([0-9]{{1,3}}){SEPARATOR}[a-z]")
    found = [int(read[1]) for read in map(name.match, data) if read]
    return max(found, default=-1) + 1


def without_row(data: QueryDict, button: str) -> QueryDict:
    """What was sent without the row that a button removes: the rows below move up."""
    code, _colon, row = button.partition(":")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", code) or not re.fullmatch(r"[0-9]{1,3}", row):
        return data
    gone = int(row)
    name = re.compile(rf"{code}{SEPARATOR}([0-9]{{1,3}}){SEPARATOR}(.+)")
    kept = QueryDict(mutable=True)
    for key, values in data.lists():
        read = name.fullmatch(key)
        index = int(read[1]) if read else -1
        if read and index == gone:
            continue
        moved = SEPARATOR.join((code, str(index - 1), read[2])) if read and index > gone else key
        kept.setlist(moved, values)
    return kept


CONTROL = Table
