"""The data specification as a CSV file and as a PDF: one line per variable asked for."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from catalog.models import Variable
from requests_app.procedures.content import Row
from requests_app.selection.described import DescribedRow
from requests_app.selection.specification import describe


HEADINGS = (
    "base",
    "nom_base",
    "table",
    "libelle_table",
    "variable",
    "libelle_variable",
    "type",
    "nomenclature",
    "annee_debut",
    "annee_fin",
    "identifiant_potentiel",
)


def inert(cell: object) -> str:
    """A cell that a spreadsheet will not run as a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def specification_csv(rows: Sequence[Row]) -> str:
    """UTF-8 with a byte order mark and semicolons, as French spreadsheets expect it."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";")
    writer.writerow(HEADINGS)
    for line in _lines(rows):
        writer.writerow([inert(cell) for cell in line])
    return out.getvalue()


def _lines(rows: Sequence[Row]) -> Iterator[list[object]]:
    described = describe(rows)
    everything = _all_variables(described)
    for one in described:
        row = one.row
        start: list[object] = [row.dataset, one.dataset.title_fr if one.dataset else ""]
        start += [row.table, one.table.label_fr if one.table else ""]
        years: list[object] = [row.year_from, row.year_until]
        variables = everything.get(one.table.pk, []) if one.table else []
        if row.variables:
            known = {variable.name: variable for variable in one.variables}
            for name in row.variables:
                yield [*start, *_variable(name, known.get(name)), *years, _mark(known.get(name))]
        elif variables:
            for variable in variables:
                yield [*start, *_variable(variable.name, variable), *years, _mark(variable)]
        else:
            yield [*start, _("toutes"), "", "", "", *years, ""]


def _variable(name: str, variable: Variable | None) -> list[object]:
    if variable is None:
        return [name, _("absente du catalogue"), "", ""]
    return [name, variable.label_fr, variable.get_data_type_display(), variable.nomenclature]


def _mark(variable: Variable | None) -> str:
    return variable.get_identifier_display() if variable and variable.identifier else ""


def _all_variables(described: Sequence[DescribedRow]) -> dict[Any, list[Variable]]:
    """Variables of the tables chosen whole, by table."""
    tables = [one.table.pk for one in described if one.table and not one.row.variables]
    found: dict[Any, list[Variable]] = defaultdict(list)
    if tables:
        query = Variable.objects.current().filter(table__in=tables)
        for variable in query.order_by("table_id", "position", "name"):
            found[variable.table_id].append(variable)
    return found


def specification_sections(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Sections of `pdf/receipt.typ`: one per base, with a table of what is asked for in it."""
    by_dataset: dict[str, list[DescribedRow]] = defaultdict(list)
    for one in describe(rows):
        by_dataset[one.dataset.title_fr if one.dataset else one.row.dataset].append(one)
    return [
        {
            "title": title,
            "table": {
                "head": [_("Table"), _("Variables"), _("Années")],
                "widths": [3, 6, 2],
                "rows": [[_table_words(one), _variable_words(one), one.years] for one in mine],
            },
            "paragraphs": _identifier_words(mine),
        }
        for title, mine in by_dataset.items()
    ]


def _table_words(one: DescribedRow) -> str:
    if not one.row.table:
        return _("toute la base")
    label = one.table.label_fr if one.table else ""
    return f"{one.row.table}\n{label}" if label else one.row.table


def _variable_words(one: DescribedRow) -> str:
    return ", ".join(one.row.variables) or _("toutes les variables")


def _identifier_words(mine: Sequence[DescribedRow]) -> list[str]:
    marks = sorted({_mark(variable) for one in mine for variable in one.variables} - {""})
    if not marks:
        return []
    return [_("Identifiants potentiels à justifier : %(kinds)s.") % {"kinds": ", ".join(marks)}]


def specification_data(rows: Sequence[Row], *, title: str, subtitle: str = "") -> dict[str, Any]:
    """Data of `pdf/receipt.typ` for the specification alone."""
    return {
        "title": title,
        "subtitle": subtitle,
        "intro": "" if rows else _("Aucune donnée n’est choisie."),
        "sections": specification_sections(rows),
    }
