"""Changes to the chosen rows: those that a warning offers, new years, two lists made one."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _

from catalog.models import Variable
from requests_app.procedures.content import Row
from requests_app.selection.described import NAMES_APART, DescribedRow, Key, attach_objects
from requests_app.selection.joins import best_bridges, best_joins
from requests_app.selection.specification import describe, incomplete_in_years


class CannotMend(ValueError):
    """The asked change is not one of those offered, or no longer."""


def apply_mend(rows: Sequence[Row], value: str) -> list[Row]:
    """The rows after one change offered by a warning. Raises CannotMend."""
    asked = dict(parse_qsl(value, keep_blank_values=True))
    key = asked.get("dataset", ""), asked.get("table", "")
    index = next((i for i, row in enumerate(rows) if row.key == key), None)
    if index is None:
        raise CannotMend(_("Cette ligne n’est plus dans votre sélection."))
    row, after = rows[index], list(rows)
    match asked.get("do"):
        case "remove":
            del after[index]
        case "drop":
            _drop(after, index, set(asked.get("variable", "").split(NAMES_APART)))
        case "drop_absent":
            _drop(after, index, set(incomplete_in_years(describe([row])[0])))
        case "restrict":
            after[index] = with_years(row, asked.get("year_from"), asked.get("year_until"))
        case "keys":
            target = asked.get("target_dataset", ""), asked.get("target_table", "")
            after = _with_keys(after, key, target)
        case "bridge":
            target = asked.get("target_dataset", ""), asked.get("target_table", "")
            after = _with_bridge(after, index, target)
        case _:
            raise CannotMend(_("Cette correction n’existe pas."))
    return after


def with_years(row: Row, first: object, last: object) -> Row:
    """The row for other years. Raises CannotMend on what is no year, or years in disorder."""
    try:
        return Row.model_validate(
            {**row.model_dump(), "year_from": first or None, "year_until": last or None}
        )
    except ValueError as error:
        raise CannotMend(_("Ces années ne sont pas valables.")) from error


def all_names(key: Key) -> list[str]:
    """Every variable of a table, in the dictionary's order."""
    found = Variable.objects.current().filter(table__dataset__code=key[0], table__name=key[1])
    return list(found.order_by("position", "name").values_list("name", flat=True))


def _drop(rows: list[Row], index: int, dropped: set[str]) -> None:
    row = rows[index]
    names = [name for name in (row.variables or all_names(row.key)) if name not in dropped]
    if names:
        rows[index] = row.model_copy(update={"variables": names})
    else:
        del rows[index]  # no variable left would mean all of them


def _described(rows: list[Row]) -> list[DescribedRow]:
    described = [DescribedRow(row) for row in rows]
    attach_objects(described)
    return described


def _with_keys(rows: list[Row], first: Key, second: Key) -> list[Row]:
    pair = _described([row for row in rows if row.key in {first, second}])
    return _with_missing(rows, [one for join in best_joins(pair) for one in join.missing])


def _with_missing(rows: list[Row], missing: list[tuple[Key, str]]) -> list[Row]:
    added: dict[Key, list[str]] = defaultdict(list)
    for key, name in missing:
        if name not in added[key]:
            added[key].append(name)
    return [
        row.model_copy(update={"variables": [*row.variables, *added[row.key]]})
        if added.get(row.key)
        else row
        for row in rows
    ]


def _with_bridge(rows: list[Row], index: int, target: Key) -> list[Row]:
    """The rows with a table that joins some of them, its keys, and the same years as the first."""
    bridge = next((b for b in best_bridges(_described(rows)) if b.key == target), None)
    if bridge is None:
        raise CannotMend(_("Ces tables n’ont plus besoin de celle-là pour se relier."))
    years = {"year_from": rows[index].year_from, "year_until": rows[index].year_until}
    new = Row(dataset=target[0], table=target[1], variables=bridge.variables, **years)
    return [*_with_missing(rows, bridge.missing), new]


def merge_rows(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """Both lists as one: variables are united, years widened; a table stands for its base."""
    merged = {row.key: row for row in first}
    for row in second:
        known = merged.get(row.key)
        if known is None:
            merged[row.key] = row
            continue
        variables = (
            list(dict.fromkeys([*known.variables, *row.variables]))
            if known.variables and row.variables
            else []  # all of them
        )
        merged[row.key] = Row(
            dataset=row.dataset,
            table=row.table,
            variables=variables,
            year_from=_widest(known.year_from, row.year_from, min),
            year_until=_widest(known.year_until, row.year_until, max),
        )
    refined = {row.dataset for row in merged.values() if row.table}
    return [row for row in merged.values() if row.table or row.dataset not in refined]


def _widest(one: int | None, other: int | None, pick: Callable[[int, int], int]) -> int | None:
    return None if one is None or other is None else pick(one, other)
