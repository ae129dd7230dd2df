"""The demonstration catalogue: files of catalog/demo, written for the project.

A variable is one line: NAME | label | type | nomenclature | years | potential identifier. Years
read `2010-2019 !2015`: first, last, and the missing ones. Loading twice changes nothing.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction

from catalog.models import DataHolder, Dataset, Table, TableKey, Variable, VocabularyTerm
from catalog.outbox import enqueue
from catalog.publishing import publish
from catalog.vocabularies import sync_vocabularies
from portal.accounts.models import Organisation

from .apply import TABLE_FIELDS, VARIABLE_FIELDS, differs


FOLDER = Path(__file__).resolve().parent.parent / "demo"
AS_OF = date(2026, 11, 1)
SOURCE = "catalogue de démonstration, écrit pour le projet"
HDH = ("hdh", "Plateforme des données de santé (Health Data Hub)", "HDH")
_YEARS = re.compile(r"(?:([0-9]{4})-([0-9]{4})?)?((?:\s*![0-9]{4})*)")


class WrongDemoFile(ValueError):
    """A demo file that does not follow its own form: a mistake of ours, named with its place."""


@dataclass(slots=True)
class Seeded:
    datasets: int = 0
    tables: int = 0
    variables: int = 0
    changed: int = 0


def read_years(text: str) -> dict[str, Any]:
    """`"2010-2019 !2015"` → valid_from, valid_until, missing_years. Raises WrongDemoFile."""
    match = _YEARS.fullmatch(text.strip())
    if match is None:
        raise WrongDemoFile(f"years {text!r}")
    first, last, missing = match.groups()
    return {
        "valid_from": int(first) if first else None,
        "valid_until": int(last) if last else None,
        "missing_years": [int(year) for year in re.findall(r"[0-9]{4}", missing)],
    }


def read_variables(text: str, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, field values) of each line."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    for position, line in enumerate(lines):
        parts = [part.strip() for part in line.split("|")]
        if not 3 <= len(parts) <= 6:
            raise WrongDemoFile(f"{table}: {line!r}")
        name, label, data_type, nomenclature, years, identifier = parts + [""] * (6 - len(parts))
        if data_type not in Variable.DataType.values:
            raise WrongDemoFile(f"{table}.{name}: type {data_type!r}")
        if identifier and identifier not in Variable.Identifier.values:
            raise WrongDemoFile(f"{table}.{name}: identifier {identifier!r}")
        yield (
            name,
            {
                "label_fr": label,
                "data_type": data_type,
                "nomenclature": nomenclature,
                "identifier": identifier,
                "position": position,
                "removed_at": None,
                **read_years(years),
            },
        )


def seed_catalogue(folder: Path = FOLDER) -> Seeded:
    """Load or refresh every file of the folder; each dataset in one transaction."""
    seeded = Seeded()
    terms = sync_vocabularies()
    for path in sorted(folder.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        holder = _holder(data["holder"])
        for entry in data["dataset"]:
            with transaction.atomic():
                _seed_dataset(entry, holder, terms, seeded)
    return seeded


def _organisation(code: str, name: str, acronym: str, kind: str, *, is_demo: bool) -> Organisation:
    organisation, _created = Organisation.objects.get_or_create(
        code=code,
        defaults={"name": name, "acronym": acronym, "kind": kind, "is_demo": is_demo},
    )
    return organisation


def _holder(data: dict[str, Any]) -> DataHolder:
    organisation = _organisation(
        data["code"],
        data["name"],
        data.get("acronym", ""),
        data.get("kind", Organisation.Kind.HOLDER),
        is_demo=data.get("demo_organisation", True),
    )
    holder, _created = DataHolder.objects.get_or_create(
        organisation=organisation,
        defaults={
            "summary_fr": data.get("summary_fr", ""),
            "contact_email": data.get("contact_email", ""),
        },
    )
    return holder


def _seed_dataset(
    entry: dict[str, Any],
    holder: DataHolder,
    terms: dict[tuple[str, str], VocabularyTerm],
    seeded: Seeded,
) -> None:
    tables = entry.pop("table", [])
    keys = entry.pop("key", [])
    controllers = entry.pop("controllers", [])
    wanted_terms = [terms[tuple(term.split(":", 1))] for term in entry.pop("terms", [])]
    values = entry | {
        "holder_id": holder.pk,
        "as_of": AS_OF,
        "description_source": SOURCE,
        "is_demo": True,
    }
    if "number_of_individuals" in values:
        values |= {"figures_source": SOURCE, "figures_on": AS_OF}
    dataset = Dataset.objects.filter(code=entry["code"]).first()
    is_new = dataset is None
    if dataset is None:
        dataset = Dataset(**values)
        dataset.save()
    elif differs(dataset, values):
        dataset.save()
        seeded.changed += 1
    dataset.controllers.set([_known_organisation(code) for code in controllers])
    dataset.terms.set(wanted_terms)
    changed = sum([_seed_table(dataset, n, table, seeded) for n, table in enumerate(tables)])
    for key in keys:
        _seed_key(dataset, key)
    if is_new:
        publish(dataset, by=None)
    elif changed:
        enqueue([("dataset", str(dataset.pk))])
    seeded.datasets += 1
    seeded.changed += changed


def _known_organisation(code: str) -> Organisation:
    if code == HDH[0]:
        return _organisation(*HDH, Organisation.Kind.AUTHORITY, is_demo=False)
    return Organisation.objects.get(code=code)


def _seed_table(dataset: Dataset, position: int, data: dict[str, Any], seeded: Seeded) -> int:
    """Create or refresh one table with its variables; return how many rows changed."""
    values = {
        "label_fr": data["label_fr"],
        "description": data.get("description", ""),
        "primary_key": data.get("primary_key", []),
        "position": position,
        "removed_at": None,
        **read_years(data.get("years", "")),
    }
    values["missing_years"] = data.get("missing_years", values["missing_years"])
    table = Table.objects.filter(dataset=dataset, name=data["name"]).first()
    count = 0
    if table is None:
        table = Table(dataset=dataset, name=data["name"], **values)
        Table.objects.bulk_create([table])
        count += 1
    elif differs(table, values):
        Table.objects.bulk_update([table], TABLE_FIELDS)
        count += 1
    known = {variable.name: variable for variable in table.variables.all()}
    new, changed = [], []
    for name, fields in read_variables(data["variables"], data["name"]):
        variable = known.get(name)
        if variable is None:
            new.append(Variable(table=table, name=name, **fields))
        elif differs(variable, fields):
            changed.append(variable)
    Variable.objects.bulk_create(new)
    Variable.objects.bulk_update(changed, VARIABLE_FIELDS)
    seeded.tables += 1
    seeded.variables += len(known) + len(new)
    return count + len(new) + len(changed)


def _seed_key(dataset: Dataset, data: dict[str, str]) -> None:
    (own, own_names), (other, other_names) = (data[end].split(".", 1) for end in ("from", "to"))
    tables = {table.name: table for table in dataset.tables.filter(name__in=[own, other])}
    TableKey.objects.get_or_create(
        table=tables[own],
        variables=own_names.split("+"),
        target_table=tables[other],
        target_variables=other_names.split("+"),
    )
