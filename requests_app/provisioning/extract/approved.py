"""The approved specification as tables, variables and years: what may land in a study's bucket."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.models import Table
from requests_app.provisioning.fences import fingerprint


class ScopeError(ValueError):
    """The specification names something that the catalogue does not have; the message is French."""


@dataclass(frozen=True, slots=True)
class ApprovedVariable:
    """A variable and its type; `years`: those in which it exists among the approved, None: any."""

    name: str
    data_type: str
    years: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class ApprovedTable:
    """One file of the extract. `years`: every approved year, None when the table has no years."""

    dataset: str
    table: str
    variables: tuple[ApprovedVariable, ...]
    years: tuple[int, ...] | None

    @property
    def header(self) -> list[str]:
        return [variable.name for variable in self.variables]

    @property
    def file_name(self) -> str:
        """Where it lands in the input bucket."""
        return f"{self.dataset}/{self.table}.csv"


def _years_of(row: Mapping[str, Any]) -> tuple[int, int] | None:
    years = row.get("years") or [row.get("year_from"), row.get("year_until")]
    first, last = years[0], years[-1]
    if first is None and last is None:
        return None
    first = first if first is not None else last
    last = last if last is not None else first
    return int(first), int(last)


def approved_tables(scope: Iterable[Mapping[str, Any]]) -> list[ApprovedTable]:
    """Tables of a scope, by dataset and name; rows about one table add up.

    A row is `{dataset, table, variables, years: [from, until]}` (or `year_from`, `year_until`). No
    table: all those of the dataset; no variable: all those of the table. Raises ScopeError.
    """
    rows = list(scope)
    names: dict[tuple[str, str], set[str]] = {}
    spans: dict[tuple[str, str], set[int] | None] = {}
    catalogue: dict[tuple[str, str], Table] = {}
    read = _tables_of(rows)
    for row in rows:
        dataset, wanted = str(row["dataset"]), str(row.get("table") or "")
        found = [table for table in read[dataset] if wanted in {"", table.name}]
        if not found:
            raise ScopeError(
                _("La table %(table)s de la base %(dataset)s n’est pas au catalogue.")
                % {"table": wanted or "—", "dataset": dataset}
            )
        for table in found:
            key = (dataset, table.name)
            catalogue[key] = table
            known = {v.name for v in table.variables.all() if v.removed_at is None}
            chosen = set(row.get("variables") or known)
            if unknown := sorted(chosen - {v.name for v in table.variables.all()}):
                raise ScopeError(
                    _("La table %(table)s n’a pas de variable %(variables)s.")
                    % {"table": table.name, "variables": ", ".join(unknown)}
                )
            names[key] = names.get(key, set()) | chosen
            span = _years_of(row)
            if span is None:
                spans.setdefault(key, None)
            else:
                spans[key] = (spans.get(key) or set()) | set(range(span[0], span[1] + 1))
    return [_approved(key, catalogue[key], names[key], spans[key]) for key in sorted(names)]


def _tables_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Table]]:
    """The catalogue's tables that rows name, by dataset, with their variables: two queries."""
    wanted = Q(pk__in=[])
    for row in rows:
        named = {"name": row["table"]} if row.get("table") else {}
        wanted |= Q(dataset__code=row["dataset"], **named)
    tables = Table.objects.current().filter(wanted).select_related("dataset")
    found: dict[str, list[Table]] = defaultdict(list)
    for table in tables.prefetch_related("variables"):
        found[table.dataset.code].append(table)
    return found


def _approved(
    key: tuple[str, str], table: Table, chosen: set[str], span: set[int] | None
) -> ApprovedTable:
    years = tuple(sorted(y for y in span if table.exists_in(y))) if span is not None else None
    variables = tuple(
        ApprovedVariable(
            variable.name,
            variable.data_type,
            tuple(y for y in years if variable.exists_in(y)) if years is not None else None,
        )
        for variable in table.variables.all()
        if variable.name in chosen
    )
    return ApprovedTable(key[0], key[1], variables, years)


def scope_fingerprint(tables: Iterable[ApprovedTable]) -> str:
    """What the second person confirms, and what the permit must still say at delivery."""
    return fingerprint(
        [[t.dataset, t.table, t.header, list(t.years) if t.years else None] for t in tables]
    )


def describe(table: ApprovedTable) -> dict[str, Any]:
    """As plain values, for a manifest."""
    plain = asdict(table)
    return {
        "dataset": plain["dataset"],
        "table": plain["table"],
        "variables": table.header,
        "years": list(table.years) if table.years is not None else None,
    }
