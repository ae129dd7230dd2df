"""The chosen data, row by row: what the catalogue says of it, what is wrong, how to mend it.

The same rows live in a selection and in a file's expression of needs; both use this module. They
are looked up in a constant number of queries, whatever their number.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.models import Dataset, Table, TableKey, Variable

from .procedures.content import Row


Key = tuple[str, str]  # (dataset code, table name or "")
MAX_NAMES_IN_SQL = 2000


@dataclass(frozen=True, slots=True)
class Mend:
    """A change offered in one click: `value` is what the button sends."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at in a row. `blocking` ones stop a signature, the others inform."""

    code: Literal["gone", "closed", "years", "keys", "identifier"]
    row: Key
    text: str
    mends: tuple[Mend, ...] = ()
    blocking: bool = False


@dataclass(slots=True)
class DescribedRow:
    """A row with what the catalogue says of it; objects are None when they are no longer there."""

    row: Row
    dataset: Dataset | None = None
    table: Table | None = None
    variables: list[Variable] = field(default_factory=list)  # those named, else the identifiers
    findings: list[Finding] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.row.key

    @property
    def anchor(self) -> str:
        return f"ligne-{self.row.dataset}-{self.row.table}".strip("-")

    @property
    def years(self) -> str:
        first, last = self.row.year_from, self.row.year_until
        if first and last:
            return str(first) if first == last else _("de %(a)s à %(b)s") % {"a": first, "b": last}
        if first:
            return _("à partir de %(a)s") % {"a": first}
        return _("jusqu’à %(b)s") % {"b": last} if last else _("toutes les années")


def mend_value(what: str, key: Key, **more: str | int) -> str:
    return urlencode({"do": what, "dataset": key[0], "table": key[1], **more})


def describe(rows: Sequence[Row]) -> list[DescribedRow]:
    """Rows with their objects of the catalogue and their warnings, in the given order."""
    described = [DescribedRow(row) for row in rows]
    if not described:
        return []
    attach_objects(described)
    _attach_variables(described)
    for one in described:
        one.findings = [*_gone(one), *_years(one), *_identifiers(one)]
    for finding in _keys(described):
        next(one for one in described if one.key == finding.row).findings.append(finding)
    return described


def findings(rows: Sequence[Row]) -> list[Finding]:
    return [finding for one in describe(rows) for finding in one.findings]


def identifier_kinds(rows: Sequence[Row]) -> list[str]:
    """Kinds of potential identifiers (A22) among the chosen variables, in the catalogue's order."""
    described = [DescribedRow(row) for row in rows]
    if not described:
        return []
    attach_objects(described)
    _attach_variables(described)
    found = {v.identifier for one in described for v in one.variables if v.identifier}
    return [kind for kind in Variable.Identifier.values if kind in found]


def attach_objects(described: list[DescribedRow]) -> None:
    codes = {one.row.dataset for one in described}
    datasets = {
        d.code: d
        for d in Dataset.objects.filter(code__in=codes).select_related("holder__organisation")
    }
    names = {one.row.table for one in described if one.row.table}
    tables = (
        {
            (t.dataset_id, t.name): t
            for t in Table.objects.current().filter(dataset__code__in=codes, name__in=names)
        }
        if names
        else {}
    )
    for one in described:
        one.dataset = datasets.get(one.row.dataset)
        if one.dataset and one.row.table:
            one.table = tables.get((one.dataset.pk, one.row.table))
            if one.table:
                one.table.dataset = one.dataset


def _attach_variables(described: list[DescribedRow]) -> None:
    named = {one.table.pk for one in described if one.table and one.row.variables}
    names = {name for one in described if one.table for name in one.row.variables}
    whole = {one.table.pk for one in described if one.table and not one.row.variables}
    datasets = {one.dataset.pk for one in described if one.dataset and not one.row.table}
    chosen = Q(table_id__in=named)
    if len(names) <= MAX_NAMES_IN_SQL:
        chosen &= Q(name__in=names)
    found = Variable.objects.current().filter(
        chosen | ~Q(identifier="") & (Q(table_id__in=whole) | Q(table__dataset_id__in=datasets))
    )
    by_table: dict[object, list[Variable]] = defaultdict(list)
    by_dataset: dict[object, list[Variable]] = defaultdict(list)
    for variable in found.select_related("table").order_by("table_id", "position", "name"):
        by_table[variable.table_id].append(variable)
        by_dataset[variable.table.dataset_id].append(variable)
    for one in described:
        if one.table:
            wanted = set(one.row.variables)
            mine = by_table[one.table.pk]
            one.variables = [v for v in mine if v.name in wanted] if wanted else mine
        elif one.dataset and not one.row.table:
            one.variables = by_dataset[one.dataset.pk]


def _gone(one: DescribedRow) -> Iterable[Finding]:
    """What the catalogue no longer offers; such a row cannot be asked for."""
    drop_row = Mend(mend_value("remove", one.key), _("Retirer la ligne"))
    if one.dataset is None or (one.row.table and one.table is None):
        text = _("%(name)s n’est plus au catalogue.") % {"name": one.row.table or one.row.dataset}
        yield Finding("gone", one.key, text, (drop_row,), blocking=True)
        return
    if not one.dataset.is_requestable:
        text = _("Cette base ne se demande pas ici. Voyez sa page pour savoir à qui la demander.")
        yield Finding("closed", one.key, text, (drop_row,), blocking=True)
    known = {variable.name for variable in one.variables}
    for name in one.row.variables:
        if name not in known:
            text = _("La variable %(name)s n’est plus au catalogue.") % {"name": name}
            drop = Mend(mend_value("drop", one.key, variable=name), _("Retirer la variable"))
            yield Finding("gone", one.key, text, (drop,), blocking=True)


def _chosen_years(row: Row) -> range:
    """Years to check; an open end is not checked beyond the year given."""
    first, last = row.year_from or row.year_until, row.year_until or row.year_from
    return range(first, last + 1) if first and last else range(0)


def _runs(years: Sequence[int]) -> str:
    """`2006 à 2008, 2011`."""
    parts: list[list[int]] = []
    for year in years:
        if parts and year == parts[-1][-1] + 1:
            parts[-1].append(year)
        else:
            parts.append([year])
    return ", ".join(
        str(p[0]) if len(p) == 1 else _("%(a)s à %(b)s") % {"a": p[0], "b": p[-1]} for p in parts
    )


def _longest_run(years: Sequence[int]) -> tuple[int, int] | None:
    best: tuple[int, int] | None = None
    start = 0
    for index, year in enumerate(years):
        if index and year != years[index - 1] + 1:
            start = index
        if best is None or year - years[start] > best[1] - best[0]:
            best = years[start], year
    return best


def _years(one: DescribedRow) -> Iterable[Finding]:
    """Tables and variables absent from some of the chosen years (validity and gaps, C15)."""
    chosen = _chosen_years(one.row)
    if not chosen:
        return
    things: list[Table | Variable] = [one.table] if one.table else []
    if one.row.variables:
        things += one.variables
    for thing in things:
        present = [year for year in chosen if thing.exists_in(year)]
        if len(present) == len(chosen):
            continue
        absent = [year for year in chosen if year not in set(present)]
        text = _("%(name)s n’existe pas pour ces années : %(years)s.") % {
            "name": thing.name,
            "years": _runs(absent),
        }
        mends = []
        if run := _longest_run(present):
            label = _("Restreindre la ligne à %(years)s") % {
                "years": _runs(range(run[0], run[1] + 1))
            }
            value = mend_value("restrict", one.key, year_from=run[0], year_until=run[1])
            mends.append(Mend(value, label))
        if isinstance(thing, Variable):
            value = mend_value("drop", one.key, variable=thing.name)
            mends.append(Mend(value, _("Retirer %(name)s") % {"name": thing.name}))
        else:
            mends.append(Mend(mend_value("remove", one.key), _("Retirer la ligne")))
        yield Finding("years", one.key, text, tuple(mends))


def _identifiers(one: DescribedRow) -> Iterable[Finding]:
    """A22: each file limits and justifies the potential identifiers it asks for."""
    by_kind: dict[str, list[Variable]] = defaultdict(list)
    for variable in one.variables:
        if variable.identifier:
            by_kind[variable.identifier].append(variable)
    for variables in by_kind.values():
        names = list(dict.fromkeys(variable.name for variable in variables))
        text = _("Identifiant potentiel, à justifier : %(kind)s (%(names)s).") % {
            "kind": variables[0].get_identifier_display(),
            "names": ", ".join(names[:5]) + ("…" if len(names) > 5 else ""),
        }
        mends = ()
        if one.table:
            mends = tuple(
                Mend(
                    mend_value("drop", one.key, variable=name),
                    _("Retirer %(name)s") % {"name": name},
                )
                for name in names[:5]
            )
        yield Finding("identifier", one.key, text, mends)


def _missing_of(key: TableKey, by_table: dict[object, DescribedRow]) -> list[tuple[Key, str]]:
    """Variables of a key that the rows of its two tables do not hold."""
    missing: list[tuple[Key, str]] = []
    for table_id, names in (
        (key.table_id, key.variables),
        (key.target_table_id, key.target_variables),
    ):
        one = by_table[table_id]
        if one.row.variables:
            missing += [(one.key, name) for name in names if name not in one.row.variables]
    return missing


def best_keys(described: Sequence[DescribedRow]) -> list[tuple[TableKey, list[tuple[Key, str]]]]:
    """Per linked pair of chosen tables, the key that lacks least; none when one is complete."""
    by_table = {one.table.pk: one for one in described if one.table}
    if len(by_table) < 2:
        return []
    pairs: dict[frozenset[object], list[tuple[TableKey, list[tuple[Key, str]]]]] = defaultdict(list)
    for key in TableKey.objects.filter(table__in=by_table, target_table__in=by_table):
        if key.table_id != key.target_table_id:
            pair = frozenset({key.table_id, key.target_table_id})
            pairs[pair].append((key, _missing_of(key, by_table)))
    best = (min(options, key=lambda option: len(option[1])) for options in pairs.values())
    return [(key, missing) for key, missing in best if missing]


def _keys(described: Sequence[DescribedRow]) -> Iterable[Finding]:
    by_table = {one.table.pk: one for one in described if one.table}
    for key, missing in best_keys(described):
        first, second = by_table[key.table_id], by_table[key.target_table_id]
        names = ", ".join(dict.fromkeys(name for _key, name in missing))
        text = _("Pour relier %(a)s à %(b)s, il manque : %(names)s.") % {
            "a": first.row.table,
            "b": second.row.table,
            "names": names,
        }
        value = mend_value(
            "keys", first.key, target_dataset=second.row.dataset, target_table=second.row.table
        )
        mend = Mend(value, _("Ajouter %(names)s") % {"names": names})
        yield Finding("keys", first.key, text, (mend,))
