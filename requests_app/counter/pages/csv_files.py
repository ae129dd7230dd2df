"""Lists as CSV files that French spreadsheets open, and run nothing of."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.http import HttpResponse

from portal.common.calendar import PARIS
from requests_app.selection.exports import inert


def csv_response(
    name: str, headings: Sequence[object], rows: Iterable[Sequence[object]]
) -> HttpResponse:
    """UTF-8 with a byte order mark and semicolons; dates as ISO days of Paris."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.write("\ufeff")
    writer = csv.writer(response, delimiter=";")
    writer.writerow([str(heading) for heading in headings])
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return response


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(PARIS).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return inert(value)
