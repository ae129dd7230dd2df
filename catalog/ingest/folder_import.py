"""One import from folder to catalogue: read, apply, report."""

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import Q
from django.utils import timezone

from catalog.completeness import completeness
from catalog.models import Dataset, ImportRun, StagedRow, Variable
from catalog.names import shown

from .apply import apply_dataset, apply_keys
from .identifiers import IdentifierRules
from .profile import Profile
from .readers.base import Mistake, Reader
from .staging import drop_rows, read_into_staging


@dataclass(slots=True)
class Report:
    """What an import did, over the whole dictionary even when this process resumed it."""

    run: ImportRun
    mistakes: list[Mistake] = field(default_factory=list)
    resumed: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    rules_without_hit: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    # Code of each dataset of this import that is not public, with what it lacks ("" for nothing).
    unpublished: dict[str, str] = field(default_factory=dict)


def import_folder(
    folder: Path,
    *,
    reader: Reader,
    profile: Profile,
    rules: IdentifierRules,
    progress: Callable[[str, int, int, str], None],
) -> Report:
    """Import a folder of dictionaries. Mistakes in any file leave the catalogue as it was."""
    reading = read_into_staging(
        reader,
        folder,
        rules_version=rules.version,
        progress=lambda n, total, name: progress("read", n, total, name),
    )
    run = reading.run
    report = Report(run, reading.mistakes, reading.resumed)
    if run.state != ImportRun.State.READ:
        return report
    people = profile.prepare()
    report.datasets = sorted(set(run.rows.values_list("dataset_code", flat=True)))
    steps = [(code, False) for code in report.datasets] + [(code, True) for code in report.datasets]
    for number, (code, keys) in enumerate(steps, 1):
        progress("apply", number, len(steps), code)
        if (f"{code}:keys" if keys else code) in run.applied:
            continue
        if keys:
            apply_keys(run, code)
        else:
            apply_dataset(run, code, profile=profile, people=people, rules=rules)
    _finish(run)
    _count(report, rules)
    for dataset in Dataset.objects.filter(code__in=report.datasets, published_at__isnull=True):
        lacking = (str(item.label) for item in completeness(dataset).blocking)
        report.unpublished[dataset.code] = ", ".join(lacking)
    return report


def _finish(run: ImportRun) -> None:
    run.state = ImportRun.State.DONE
    run.finished_at = timezone.now()
    run.save(update_fields=["state", "finished_at"])
    # The rows of the last finished run are kept as its report; those before it have been read.
    for older in ImportRun.objects.filter(reader=run.reader, state=ImportRun.State.DONE).exclude(
        pk=run.pk
    ):
        drop_rows(older)


def _count(report: Report, rules: IdentifierRules) -> None:
    """Count the rules' hits over the whole dictionary, whatever part this process applied."""
    rules.hits.clear()
    wanted = Q(kind=StagedRow.Kind.VARIABLE)
    for table, name in report.run.rows.filter(wanted).values_list("table_name", "name"):
        if kind := rules.kind_of(table, name):
            report.identifiers[kind] += 1
    for kind in Variable.Identifier.values:
        report.identifiers.setdefault(kind, 0)
    report.rules_without_hit = rules.without_hit()
    report.counts.update(
        {key: value for key, value in report.run.counts.items() if isinstance(value, int)}
    )


def write_csv(report: Report, path: Path) -> None:
    """One line per row read: where it stands, what it is, what became of it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(["fichier", "ligne", "objet", "base", "table", "nom", "resultat", "message"])
        for mistake in report.mistakes:
            out.writerow(
                [shown(mistake.file), mistake.line, "", "", "", "", "wrong", mistake.message]
            )
        for row in report.run.rows.order_by("file", "line").iterator(chunk_size=1000):
            out.writerow(
                [
                    row.file,
                    row.line,
                    row.kind,
                    row.dataset_code,
                    row.table_name,
                    row.name,
                    row.outcome,
                    row.message,
                ]
            )
