"""The chosen data, row by row: what the catalogue says of it, what is wrong, how to mend it.

The same rows live in a selection and in a file's expression of needs; both use this module. They
are looked up in a constant number of queries, whatever their number.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.models import Table, Variable
from requests_app.procedures.content import Row
from requests_app.selection import joins
from requests_app.selection.described import (
    NAMES_APART,
    DescribedRow,
    Finding,
    Mend,
    attach_objects,
    mend_value,
)


MAX_NAMES_IN_SQL = 2000
NAMES_SHOWN = 8


def describe(rows: Sequence[Row]) -> list[DescribedRow]:
    """Rows with their objects of the catalogue and their warnings, in the given order."""
    described = [DescribedRow(row) for row in rows]
    if not described:
        return []
    attach_objects(described)
    _attach_variables(described)
    for one in described:
        one.findings = [*_gone(one), *_years(one), *_identifiers(one)]
    by_key = {one.key: one for one in reversed(described)}
    for finding in joins.findings(described):
        by_key[finding.row].findings.append(finding)
    return described


def findings(rows: Sequence[Row]) -> list[Finding]:
    return [finding for one in describe(rows) for finding in one.findings]


def identifiers(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Kinds of potential identifiers (A22) among the chosen variables, with the variables' names.

    In the order of the rows.
    """
    described = [DescribedRow(row) for row in rows]
    if not described:
        return {}
    attach_objects(described)
    _attach_variables(described)
    return identifiers_of(described)


def identifiers_of(described: Iterable[DescribedRow]) -> dict[str, list[str]]:
    """The same, of rows that are described already."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in described:
        for variable in [*one.variables, *one.left]:
            if variable.identifier and variable.name not in found[variable.identifier]:
                found[variable.identifier].append(variable.name)
    return dict(found)


def _attach_variables(described: list[DescribedRow]) -> None:
    named = {one.table.pk for one in described if one.table and one.row.variables}
    names = {name for one in described if one.table for name in one.row.variables}
    whole = {one.table.pk for one in described if one.table and not one.row.variables}
    datasets = {one.dataset.pk for one in described if one.dataset and not one.row.table}
    in_years = {one.table.pk for one in described if one.table and _chosen_years(one.row)}
    chosen = Q(table_id__in=named)
    if len(names) <= MAX_NAMES_IN_SQL:
        chosen &= Q(name__in=names)
    with_years = (
        Q(valid_from__isnull=False) | Q(valid_until__isnull=False) | ~Q(missing_years=[])
    ) & Q(table_id__in=whole & in_years)
    identifying = ~Q(identifier="") & (Q(table_id__in=whole) | Q(table__dataset_id__in=datasets))
    found = Variable.objects.current().filter(chosen | with_years | identifying)
    by_table: dict[object, list[Variable]] = defaultdict(list)
    by_dataset: dict[object, list[Variable]] = defaultdict(list)
    for variable in found.select_related("table").order_by("table_id", "position", "name"):
        by_table[variable.table_id].append(variable)
        if variable.identifier:
            by_dataset[variable.table.dataset_id].append(variable)
    for one in described:
        if one.table:
            wanted = set(one.row.variables)
            mine = by_table[one.table.pk]
            one.variables = [v for v in mine if (v.name in wanted if wanted else v.identifier)]
            one.dated = [] if wanted else mine
        elif one.dataset and not one.row.table:
            one.variables = by_dataset[one.dataset.pk]
    _attach_left(described)


def _attach_left(described: list[DescribedRow]) -> None:
    """What a row still names is still to be justified, though the catalogue withdrew it."""
    missing = {
        (one.row.dataset, one.row.table, name)
        for one in described
        for name in set(one.row.variables) - {variable.name for variable in one.variables}
    }
    if not missing:
        return
    datasets, tables, names = ({key[place] for key in missing} for place in range(3))
    of_tables = Variable.objects.filter(table__dataset__code__in=datasets, table__name__in=tables)
    found = of_tables.exclude(identifier="").select_related("table__dataset").order_by("name")
    if len(names) <= MAX_NAMES_IN_SQL:
        found = found.filter(name__in=names)
    by_row: dict[tuple[str, str], list[Variable]] = defaultdict(list)
    for variable in found:
        of = (variable.table.dataset.code, variable.table.name)
        if (*of, variable.name) in missing:
            by_row[of].append(variable)
    for one in described:
        one.left = [v for v in by_row[one.key] if v.name in one.row.variables]


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
    """Bases, tables and variables absent from some of the chosen years (validity and gaps, C15).

    What is said of the base is not repeated for its table, nor of the table for its variables;
    variables that lack the same years are told together.
    """
    chosen = _chosen_years(one.row)
    if not chosen:
        return
    drop_row = Mend(mend_value("remove", one.key), _("Retirer la ligne"))
    said: set[int] = set()
    if absent := _uncovered(one, chosen):
        said.update(absent)
        text = _("La base ne couvre pas ces années : %(years)s.") % {"years": _runs(absent)}
        yield Finding("years", one.key, text, (*_restriction(one, chosen, absent), drop_row))
    if one.table and not said.issuperset(absent := _absent(one.table, chosen)):
        said.update(absent)
        text = _not_there([one.table.name], absent)
        yield Finding("years", one.key, text, (*_restriction(one, chosen, absent), drop_row))
    if not one.row.variables:
        yield from _whole_table(one, chosen)
        return
    by_years: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for variable in one.variables:
        by_years[tuple(_absent(variable, chosen))].append(variable.name)
    for absent_years, names in by_years.items():
        if said.issuperset(absent_years):
            continue
        label = (
            _("Retirer %(name)s") % {"name": names[0]}
            if len(names) == 1
            else _("Retirer ces variables")
        )
        drop = Mend(mend_value("drop", one.key, variable=NAMES_APART.join(names)), label)
        text = _not_there(names, absent_years)
        yield Finding("years", one.key, text, (*_restriction(one, chosen, absent_years), drop))


def _absent(thing: Table | Variable, chosen: range) -> list[int]:
    return [year for year in chosen if not thing.exists_in(year)]


def _not_there(names: list[str], years: Sequence[int]) -> str:
    return ngettext(
        "%(names)s n’existe pas pour ces années : %(years)s.",
        "%(names)s n’existent pas pour ces années : %(years)s.",
        len(names),
    ) % {"names": _some(names), "years": _runs(years)}


def _some(names: list[str]) -> str:
    """The first names of a list that may be long."""
    return ", ".join(names[:NAMES_SHOWN]) + ("…" if len(names) > NAMES_SHOWN else "")


def _restriction(one: DescribedRow, chosen: range, absent: Sequence[int]) -> list[Mend]:
    """The mend that keeps the longest run of the years that are there."""
    run = _longest_run([year for year in chosen if year not in set(absent)])
    if run is None:
        return []
    label = _("Restreindre la ligne à %(years)s") % {"years": _runs(range(run[0], run[1] + 1))}
    value = mend_value("restrict", one.key, year_from=run[0], year_until=run[1])
    return [Mend(value, label)]


def _uncovered(one: DescribedRow, chosen: range) -> list[int]:
    """Years that the base does not cover, where the table does not say its own."""
    base, table = one.dataset, one.table
    if base is None or (table and (table.valid_from or table.valid_until)):
        return []
    first, last = base.covers_from or chosen[0], base.covers_until or chosen[-1]
    return [year for year in chosen if not first <= year <= last]


def incomplete_in_years(one: DescribedRow) -> list[str]:
    """Names of a whole table's variables that do not exist in all of the chosen years."""
    chosen = _chosen_years(one.row)
    said = set(_uncovered(one, chosen)) if chosen else set()
    chosen_there = [y for y in chosen if y not in said and one.table and one.table.exists_in(y)]
    return [v.name for v in one.dated if not all(v.exists_in(year) for year in chosen_there)]


def _whole_table(one: DescribedRow, chosen: range) -> Iterable[Finding]:
    """A table chosen whole: its variables of other years are told together."""
    names = incomplete_in_years(one)
    if not names:
        return
    text = ngettext(
        "Une variable de la table n’existe pas pour toutes les années de %(a)s à %(b)s : "
        "%(names)s.",
        "%(n)s variables de la table n’existent pas pour toutes les années de %(a)s à %(b)s : "
        "%(names)s.",
        len(names),
    ) % {
        "n": len(names),
        "a": chosen[0],
        "b": chosen[-1],
        "names": _some(names),
    }
    label = ngettext("Retirer cette variable", "Retirer ces variables", len(names))
    yield Finding("years", one.key, text, (Mend(mend_value("drop_absent", one.key), label),))


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
        mends: tuple[Mend, ...] = ()
        if one.table:
            mends = tuple(
                Mend(
                    mend_value("drop", one.key, variable=name),
                    _("Retirer %(name)s") % {"name": name},
                )
                for name in names[:5]
            )
        yield Finding("identifier", one.key, text, mends)
