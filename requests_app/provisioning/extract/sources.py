"""Where the rows of an extract come from: files deposited by the holder, or made up for the demo.

Both give the same thing: one CSV per approved table, header exactly the approved variables.
"""

import csv
import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol, TextIO

from django.conf import settings
from django.utils.translation import gettext as _

from portal.common.digits import is_digits
from requests_app.provisioning.extract.approved import ApprovedTable, ApprovedVariable


SYNTHETIC_ROWS = 200


class ExtractError(Exception):
    """Why there is no file; the message is French, for the operator and the holder."""


class ExtractMissing(ExtractError):
    """Nothing was deposited yet."""


class ExtractRefused(ExtractError):
    """What was deposited is not what was approved."""


@dataclass(frozen=True, slots=True)
class Produced:
    """A written file: its data rows, and whether the source could tell their years."""

    rows: int
    years_checked: bool


class ExtractSource(Protocol):
    """Writes the CSV of one approved table. Raises ExtractError."""

    def produce(self, table: ApprovedTable, *, request: str, target: Path) -> Produced: ...


def source() -> ExtractSource:
    """The one chosen by GUICHET_EXTRACT_SOURCE: `deposit` or `synthetic`."""
    kind = settings.PROVISIONING["extract_source"]
    if kind == "synthetic":
        return SyntheticSource()
    if kind == "deposit":
        return DepositSource(Path(settings.PROVISIONING["staging_dir"]))
    raise ExtractError(f"GUICHET_EXTRACT_SOURCE: {kind!r}")


@contextmanager
def _writing(target: Path) -> Iterator[TextIO]:
    """A file that appears complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        yield file
    part.replace(target)


class SyntheticSource:
    """Rows made from the variables' types, the same each time; of no person. For the demo.

    The value of a variable depends on its name and the row's number only, so that tables join.
    """

    def __init__(self, rows: int = SYNTHETIC_ROWS) -> None:
        self._rows = rows

    def produce(self, table: ApprovedTable, *, request: str, target: Path) -> Produced:
        with _writing(target) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.header)
            for number in range(self._rows):
                year = table.years[number % len(table.years)] if table.years else None
                writer.writerow([_made_up(v, number, year) for v in table.variables])
        return Produced(self._rows, years_checked=True)


def _made_up(variable: ApprovedVariable, number: int, year: int | None) -> str:
    """A value of the variable's type; dates fall in the row's year; empty when it did not exist."""
    if year is not None and variable.years is not None and year not in variable.years:
        return ""
    seed = hashlib.sha256(f"{variable.name}/{number}".encode()).digest()
    figure = int.from_bytes(seed[:6], "big")
    day = date(year or 2020, 1, 1) + timedelta(days=figure % 365)
    match variable.data_type:
        case "integer":
            return str(figure % 1000)
        case "number":
            return f"{figure % 100_000 / 100:.2f}"
        case "boolean":
            return "true" if figure % 2 else "false"
        case "date":
            return day.isoformat()
        case "datetime":
            return f"{day.isoformat()}T{figure % 24:02}:{figure % 60:02}:00"
        case "year":
            return str(day.year)
        case "yearmonth":
            return f"{day:%Y-%m}"
        case _:
            return f"{figure % 36**5:05}"[:8]


class DepositSource:
    """Files the holder left under `<staging>/<request number>/<dataset>/`.

    `<table>.<year>.csv`, one per year, are joined and an unapproved year is refused; a single
    `<table>.csv` is taken too, its years being then for the second person to check.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def produce(self, table: ApprovedTable, *, request: str, target: Path) -> Produced:
        files = self._files(table, request)
        rows = 0
        with _writing(target) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.header)
            for path in files.values():
                rows += self._copy(path, table, writer)
        return Produced(rows, years_checked=table.years is None or None not in files)

    def _files(self, table: ApprovedTable, request: str) -> dict[int | None, Path]:
        folder = self._folder / request / table.dataset
        single = folder / f"{table.table}.csv"
        yearly: dict[int | None, Path] = {}
        for path in sorted(folder.glob(f"{table.table}.*.csv")):
            text = path.name.removeprefix(f"{table.table}.").removesuffix(".csv")
            if not (is_digits(text) and len(text) == 4):
                raise ExtractRefused(
                    _("%(file)s : le nom attendu est TABLE.csv ou TABLE.AAAA.csv.")
                    % {"file": path.name}
                )
            yearly[int(text)] = path
        if single.is_file() and yearly:
            raise ExtractRefused(
                _("%(table)s : un fichier unique et des fichiers par année sont déposés ensemble.")
                % {"table": table.table}
            )
        if single.is_file():
            return {None: single}
        approved = set(table.years or ())
        if extra := sorted(str(year) for year in set(yearly) - approved):
            raise ExtractRefused(
                _("%(table)s : années non autorisées déposées (%(years)s).")
                % {"table": table.table, "years": ", ".join(extra)}
            )
        lacking = sorted(str(year) for year in approved - set(yearly))
        if not yearly or lacking:
            raise ExtractMissing(
                _("%(table)s : dépôt en attente dans %(folder)s.")
                % {"table": table.table, "folder": f"{request}/{table.dataset}/"}
            )
        return yearly

    def _copy(self, path: Path, table: ApprovedTable, writer: "csv._writer") -> int:  # type: ignore[name-defined]
        """Copy the rows in the approved order of columns; refuse any other set of columns."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                first = file.readline()
                delimiter = ";" if first.count(";") > first.count(",") else ","
                lines = itertools.chain([first], file)
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
                header = [name.strip() for name in next(reader, [])]
                order = _order(header, table, path.name)
                count = 0
                for row in reader:
                    if len(row) != len(header):
                        raise ExtractRefused(
                            _("%(file)s, ligne %(line)s : %(found)s valeurs au lieu de %(wanted)s.")
                            % {
                                "file": path.name,
                                "line": reader.line_num,
                                "found": len(row),
                                "wanted": len(header),
                            }
                        )
                    writer.writerow([row[place] for place in order])
                    count += 1
                return count
        except (UnicodeDecodeError, csv.Error) as error:
            raise ExtractRefused(
                _("%(file)s : fichier illisible ; déposez un CSV en UTF-8.") % {"file": path.name}
            ) from error


def _order(header: list[str], table: ApprovedTable, name: str) -> list[int]:
    """Where each approved variable stands in the deposited header. Raises ExtractRefused."""
    if extra := sorted(set(header) - set(table.header)):
        raise ExtractRefused(
            _("%(file)s contient des variables hors autorisation : %(variables)s.")
            % {"file": name, "variables": ", ".join(extra)}
        )
    if lacking := sorted(set(table.header) - set(header)):
        raise ExtractRefused(
            _("%(file)s : variables autorisées absentes : %(variables)s.")
            % {"file": name, "variables": ", ".join(lacking)}
        )
    if len(header) != len(set(header)):
        raise ExtractRefused(_("%(file)s : une variable y figure deux fois.") % {"file": name})
    return [header.index(variable) for variable in table.header]
