"""Second half of an import: staging rows become tables and variables, dataset by dataset.

Each dataset is applied with its tables and variables in one transaction, or not at all; the keys
between tables follow, since they may cross datasets. Applying twice changes nothing.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.completeness import completeness
from catalog.models import Dataset, ImportRun, StagedRow, Table, TableKey, Variable
from catalog.outbox import enqueue
from catalog.publishing import publish
from portal.audit.record import record

from .identifiers import IdentifierRules
from .profile import People, Profile


BATCH = 1000
Outcome = StagedRow.Outcome
TABLE_FIELDS = (
    "label_fr", "description", "scope_fr", "primary_key", "valid_from", "valid_until",
    "missing_years", "position", "removed_at",
)  # fmt: skip
VARIABLE_FIELDS = (
    "label_fr", "description", "data_type", "length", "nomenclature", "rule", "valid_from",
    "valid_until", "missing_years", "identifier", "position", "removed_at",
)  # fmt: skip


@dataclass(slots=True)
class Applied:
    """What one dataset's turn did: staged ids per outcome, and counts for the report."""

    outcomes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    removed: int = 0
    identifiers: Counter[str] = field(default_factory=Counter)

    @property
    def changed(self) -> bool:
        return bool(
            self.removed or self.outcomes[Outcome.CREATED] or self.outcomes[Outcome.CHANGED]
        )


def differs(row: Any, values: dict[str, Any]) -> bool:
    """Whether any value is new; the new ones are set on the row."""
    changed = False
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    return changed


def apply_dataset(
    run: ImportRun, code: str, *, profile: Profile, people: People, rules: IdentifierRules
) -> Applied:
    """Apply one dataset's staged tables and variables, then publish it when it is new.

    A new one whose words are missing (a product that the profile does not know) stays unpublished.
    """
    staged = list(run.rows.filter(dataset_code=code).exclude(kind=StagedRow.Kind.KEY))
    tables_staged = [row for row in staged if row.kind == StagedRow.Kind.TABLE]
    identifiers = {
        row.pk: rules.kind_of(row.table_name, row.name)
        for row in staged
        if row.kind == StagedRow.Kind.VARIABLE
    }
    applied = Applied()
    applied.identifiers.update(kind for kind in identifiers.values() if kind)
    with transaction.atomic():
        dataset = Dataset.objects.filter(code=code).first()
        is_new = dataset is None
        if dataset is None:
            product = tables_staged[0].payload.get("product", code)
            dataset = profile.new_dataset(code, product, people)
            dataset.save()
            dataset.controllers.set(people.controllers)
            dataset.terms.set(people.terms)
        elif differs(
            dataset,
            {"as_of": profile.as_of, "description_source": profile.description_source},
        ):
            dataset.save()
        tables = _apply_tables(dataset, tables_staged, applied)
        lost = _apply_variables(tables, staged, identifiers, applied)
        _set_first_year(dataset)
        if applied.changed:
            enqueue([("dataset", str(dataset.pk)), *lost])
        if is_new and not completeness(dataset).blocking:
            publish(dataset, by=None)
        if applied.changed:
            record(
                "catalog.import",
                by=None,
                on=dataset,
                data={"code": code, "run": str(run.pk), "rows": len(staged)},
            )
        _mark(run, code, applied)
    return applied


def _apply_tables(dataset: Dataset, staged: list[StagedRow], applied: Applied) -> dict[str, Table]:
    known = {table.name: table for table in dataset.tables.all()}
    new: list[Table] = []
    changed: list[Table] = []
    for position, row in enumerate(staged):
        values = {k: v for k, v in row.payload.items() if not k.startswith("product")}
        values |= {"position": position, "removed_at": None}
        table = known.get(row.name)
        if table is None:
            known[row.name] = table = Table(dataset=dataset, name=row.name, **values)
            new.append(table)
            applied.outcomes[Outcome.CREATED].append(row.pk)
        elif differs(table, values):
            changed.append(table)
            applied.outcomes[Outcome.CHANGED].append(row.pk)
        else:
            applied.outcomes[Outcome.SAME].append(row.pk)
    for name in set(known) - {row.name for row in staged}:
        if known[name].removed_at is None:
            known[name].removed_at = timezone.now()
            changed.append(known[name])
            applied.removed += 1
    Table.objects.bulk_create(new, batch_size=BATCH)
    Table.objects.bulk_update(changed, TABLE_FIELDS, batch_size=BATCH)
    return known


def _apply_variables(
    tables: dict[str, Table], staged: list[StagedRow], identifiers: dict[int, str], applied: Applied
) -> list[tuple[str, str]]:
    """Create and change; return the index entries of the names that are no longer there."""
    known = {
        (variable.table_id, variable.name): variable
        for variable in Variable.objects.filter(table__in=[t.pk for t in tables.values()])
    }
    new: list[Variable] = []
    changed: list[Variable] = []
    seen: set[tuple[Any, str]] = set()
    for row in staged:
        if row.kind != StagedRow.Kind.VARIABLE:
            continue
        table = tables[row.table_name]
        seen.add((table.pk, row.name))
        values = row.payload | {"identifier": identifiers[row.pk], "removed_at": None}
        variable = known.get((table.pk, row.name))
        if variable is None:
            new.append(Variable(table=table, name=row.name, **values))
            applied.outcomes[Outcome.CREATED].append(row.pk)
        elif differs(variable, values):
            changed.append(variable)
            applied.outcomes[Outcome.CHANGED].append(row.pk)
        else:
            applied.outcomes[Outcome.SAME].append(row.pk)
    lost = []
    for key in set(known) - seen:
        variable = known[key]
        if variable.removed_at is None:
            variable.removed_at = timezone.now()
            changed.append(variable)
            lost.append(("variable", variable.name_key))
            applied.removed += 1
    Variable.objects.bulk_create(new, batch_size=BATCH)
    Variable.objects.bulk_update(changed, VARIABLE_FIELDS, batch_size=BATCH)
    return lost


def _set_first_year(dataset: Dataset) -> None:
    """The dataset starts with its oldest table or variable, unless a person said otherwise."""
    if dataset.covers_from is not None:
        return
    oldest = dataset.tables.current().aggregate(
        table=Min("valid_from"), variable=Min("variables__valid_from")
    )
    if years := [year for year in oldest.values() if year is not None]:
        dataset.covers_from = min(years)
        dataset.save(update_fields=["covers_from", "updated_at"])


def apply_keys(run: ImportRun, code: str) -> Applied:
    """Links of one dataset's tables. A table that nobody described is reported, not invented."""
    applied = Applied()
    staged = list(run.rows.filter(dataset_code=code, kind=StagedRow.Kind.KEY))
    with transaction.atomic():
        dataset = Dataset.objects.get(code=code)
        sources = {table.name: table for table in dataset.tables.current()}
        targets = _targets(dataset, {row.payload["target"] for row in staged})
        known = {_key_identity(key): key for key in TableKey.objects.filter(table__dataset=dataset)}
        new = []
        seen = set()
        for row in staged:
            target = targets.get(row.payload["target"])
            if target is None:
                applied.outcomes[Outcome.SKIPPED].append(row.pk)
                continue
            key = TableKey(
                table=sources[row.table_name],
                variables=row.payload["variables"],
                target_table=target,
                target_variables=row.payload["target_variables"],
                note=row.payload["note"],
            )
            identity = _key_identity(key)
            if identity in seen:
                applied.outcomes[Outcome.SAME].append(row.pk)
                continue
            seen.add(identity)
            if identity in known:
                applied.outcomes[Outcome.SAME].append(row.pk)
            else:
                new.append(key)
                applied.outcomes[Outcome.CREATED].append(row.pk)
        TableKey.objects.bulk_create(new, batch_size=BATCH)
        gone = [key.pk for identity, key in known.items() if identity not in seen]
        TableKey.objects.filter(pk__in=gone).delete()
        applied.removed = len(gone)
        _mark(run, f"{code}:keys", applied)
    return applied


def _targets(dataset: Dataset, names: set[str]) -> dict[str, Table]:
    """Tables by name: the dataset's own first, then those of the datasets of the same holder."""
    found: dict[str, Table] = {}
    for table in (
        Table.objects.current()
        .filter(name__in=names, dataset__holder=dataset.holder_id)
        .order_by("dataset__code")
    ):
        if table.name not in found or table.dataset_id == dataset.pk:
            found[table.name] = table
    return found


def _key_identity(key: TableKey) -> tuple[Any, ...]:
    return (
        key.table_id,
        key.target_table_id,
        tuple(key.variables),
        tuple(key.target_variables),
    )


def _mark(run: ImportRun, step: str, applied: Applied) -> None:
    """Note the outcome of each row, and the step, so that a killed run goes on after it."""
    for outcome, ids in applied.outcomes.items():
        for start in range(0, len(ids), 900):
            message = _("table visée inconnue") if outcome == Outcome.SKIPPED else ""
            StagedRow.objects.filter(pk__in=ids[start : start + 900]).update(
                outcome=outcome, message=message
            )
    counts = Counter({outcome: len(ids) for outcome, ids in applied.outcomes.items()})
    counts["removed"] += applied.removed
    run.counts = {
        key: run.counts.get(key, 0) + counts[key] for key in {*run.counts, *counts} if key
    }
    run.applied = [*run.applied, step]
    run.save(update_fields=["applied", "counts"])
