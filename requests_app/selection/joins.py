"""How the chosen tables join: keys that lack variables, and tables to pass through.

Two chosen tables are joined by the key between them that lacks least; a pair with a complete key is
silent. Tables that no chosen key joins may have a table between them (a prescription and its
patient, by the claim): adding it, with its keys, is offered.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.models import Table, TableKey
from requests_app.selection.described import DescribedRow, Finding, Key, Mend, mend_value


MAX_BRIDGES = 3  # offered at once; the next ones when these are chosen


@dataclass(slots=True)
class Join:
    """A key between two chosen tables, and the variables of it that their rows do not hold."""

    key: TableKey
    missing: list[tuple[Key, str]]


@dataclass(slots=True)
class Bridge:
    """A table that is not chosen and would join chosen ones, with what it takes."""

    table: Table
    variables: list[str]  # of the table itself: its keys
    joined: list[DescribedRow]
    missing: list[tuple[Key, str]] = field(default_factory=list)  # in the rows already chosen

    @property
    def key(self) -> Key:
        return self.table.dataset.code, self.table.name


def _rows_by_table(described: Sequence[DescribedRow]) -> dict[object, DescribedRow]:
    return {one.table.pk: one for one in described if one.table}


def _keys(by_table: dict[object, DescribedRow]) -> list[TableKey]:
    """Keys between chosen tables, and those of the tables that several chosen ones reach.

    Two queries: a table of reference may be joined by thousands, which join nothing else here.
    """
    if len(by_table) < 2:
        return []
    touching = TableKey.objects.filter(
        Q(table__in=by_table) | Q(target_table__in=by_table)
    ).current()
    ends = list(touching.order_by().values_list("pk", "table_id", "target_table_id"))
    near: dict[object, set[object]] = defaultdict(set)  # of each table: chosen ones it is keyed to
    for _pk, one, other in ends:
        near[one].add(other if other in by_table else None)
        near[other].add(one if one in by_table else None)
    reached = by_table.keys() | {table for table, some in near.items() if len(some - {None}) > 1}
    kept = [pk for pk, *both in ends if both[0] != both[1] and reached.issuperset(both)]
    if not kept:
        return []
    found = TableKey.objects.filter(pk__in=kept)
    return list(found.select_related("table__dataset", "target_table__dataset").order_by("pk"))


def _missing_of(key: TableKey, by_table: dict[object, DescribedRow]) -> list[tuple[Key, str]]:
    """Variables of a key that the rows of its chosen tables do not hold."""
    missing: list[tuple[Key, str]] = []
    for table_id, names in _sides(key):
        one = by_table.get(table_id)
        if one is not None and one.row.variables:
            missing += [(one.key, name) for name in names if name not in one.row.variables]
    return missing


def _sides(key: TableKey) -> tuple[tuple[object, list[str]], tuple[object, list[str]]]:
    return (key.table_id, key.variables), (key.target_table_id, key.target_variables)


def best_joins(described: Sequence[DescribedRow]) -> list[Join]:
    """Per pair of chosen tables that a key joins, the key that lacks least."""
    by_table = _rows_by_table(described)
    return _best_joins(_keys(by_table), by_table)


def _best_joins(keys: list[TableKey], by_table: dict[object, DescribedRow]) -> list[Join]:
    pairs: dict[frozenset[object], list[Join]] = defaultdict(list)
    for key in keys:
        if key.table_id in by_table and key.target_table_id in by_table:
            pair = frozenset({key.table_id, key.target_table_id})
            pairs[pair].append(Join(key, _missing_of(key, by_table)))
    return [min(options, key=lambda join: len(join.missing)) for options in pairs.values()]


def best_bridges(described: Sequence[DescribedRow]) -> list[Bridge]:
    """Tables to pass through, those that join most first; none when the chosen ones join."""
    by_table = _rows_by_table(described)
    keys = _keys(by_table)
    return _best_bridges(described, keys, _best_joins(keys, by_table))


def _best_bridges(
    described: Sequence[DescribedRow], keys: list[TableKey], joins: list[Join]
) -> list[Bridge]:
    by_table = _rows_by_table(described)
    whole = {one.row.dataset for one in described if not one.row.table}
    group = {table: {table} for table in by_table}  # chosen tables joined to each one
    for join in joins:
        _unite(group, [join.key.table_id, join.key.target_table_id])
    outside: dict[Table, dict[object, TableKey]] = defaultdict(dict)
    for key in keys:
        for near, far in ((key.table, key.target_table), (key.target_table, key.table)):
            if near.pk not in by_table or far.pk in by_table or far.dataset.code in whole:
                continue
            if far.dataset.is_requestable:
                known = outside[far].get(near.pk)
                if known is None or _cost(key, by_table) < _cost(known, by_table):
                    outside[far][near.pk] = key
    bridges: list[Bridge] = []
    while len(bridges) < MAX_BRIDGES:
        best = max(
            outside, key=lambda table: _worth(table, outside[table], group, by_table), default=None
        )
        if best is None or len(_joined(outside[best], group)) < 2:
            return bridges
        reached = outside.pop(best)
        bridges.append(_bridge(best, reached, group, by_table))
        _unite(group, list(reached))
    return bridges


def _unite(group: dict[object, set[object]], tables: list[object]) -> None:
    if len({id(group[table]) for table in tables}) < 2:
        return
    whole = set().union(*(group[table] for table in tables))
    for table in whole:
        group[table] = whole


def _cost(key: TableKey, by_table: dict[object, DescribedRow]) -> tuple[int, int]:
    return len(_missing_of(key, by_table)), len(key.variables)


def _joined(reached: dict[object, TableKey], group: dict[object, set[object]]) -> list[object]:
    """One of the reached tables per group of tables that already join."""
    first: dict[int, object] = {}
    for table in reached:
        first.setdefault(id(group[table]), table)
    return list(first.values())


def _worth(
    table: Table,
    reached: dict[object, TableKey],
    group: dict[object, set[object]],
    by_table: dict[object, DescribedRow],
) -> tuple[int, bool, int]:
    """Joins most; then of a base already chosen; then the one that adds fewest variables."""
    bases = {one.dataset.pk for one in by_table.values() if one.dataset}
    cost = sum(_cost(key, by_table)[0] for key in reached.values())
    return len(_joined(reached, group)), table.dataset_id in bases, -cost


def _bridge(
    table: Table,
    reached: dict[object, TableKey],
    group: dict[object, set[object]],
    by_table: dict[object, DescribedRow],
) -> Bridge:
    bridge = Bridge(table, [], [])
    wanted = set(_joined(reached, group))
    for near in (chosen for chosen in by_table if chosen in wanted):  # in the selection's order
        key = reached[near]
        own = key.variables if key.table_id == table.pk else key.target_variables
        bridge.variables += [name for name in own if name not in bridge.variables]
        bridge.missing += _missing_of(key, by_table)
        bridge.joined.append(by_table[near])
    return bridge


def findings(described: Sequence[DescribedRow]) -> Iterator[Finding]:
    """What the selection lacks for its tables to join, each with its mend."""
    by_table = _rows_by_table(described)
    keys = _keys(by_table)
    joins = _best_joins(keys, by_table)
    yield from _incomplete([join for join in joins if join.missing], by_table)
    for bridge in _best_bridges(described, keys, joins):
        first = bridge.joined[0]
        text = _(
            "Aucune clé ne relie directement %(tables)s : le lien passe par la table %(bridge)s."
        ) % {
            "tables": _listed([one.row.table for one in bridge.joined]),
            "bridge": bridge.table.name,
        }
        code, name = bridge.key
        value = mend_value("bridge", first.key, target_dataset=code, target_table=name)
        label = _("Ajouter %(table)s et les clés") % {"table": name}
        yield Finding("keys", first.key, text, (Mend(value, label),))


def _incomplete(joins: Iterable[Join], by_table: dict[object, DescribedRow]) -> Iterator[Finding]:
    for join in joins:
        first, second = by_table[join.key.table_id], by_table[join.key.target_table_id]
        names = list(dict.fromkeys(name for _key, name in join.missing))
        text = _("Pour relier %(a)s à %(b)s, il manque : %(names)s.") % {
            "a": first.row.table,
            "b": second.row.table,
            "names": ", ".join(names),
        }
        value = mend_value(
            "keys", first.key, target_dataset=second.row.dataset, target_table=second.row.table
        )
        label = (
            _("Ajouter %(names)s") % {"names": names[0]}
            if len(names) == 1
            else ngettext("Ajouter cette variable", "Ajouter ces %(n)s variables", len(names))
            % {"n": len(names)}
        )
        yield Finding("keys", first.key, text, (Mend(value, label),))


def _listed(names: Sequence[str]) -> str:
    """`A, B et C`."""
    if len(names) < 2:
        return "".join(names)
    return _("%(some)s et %(last)s") % {"some": ", ".join(names[:-1]), "last": names[-1]}
