"""Numbers of requests and opinions, without a gap or a race."""

from datetime import datetime

from portal.common.calendar import PARIS
from requests_app.models import NumberSeries
from requests_app.procedures.cases import Case


def _next(series: str) -> int:
    """The next number of a series. Its row stays locked until the caller's transaction ends.

    The number is taken in the transaction that uses it: if that is rolled back, so is the number.
    """
    NumberSeries.objects.bulk_create([NumberSeries(code=series)], ignore_conflicts=True)
    row = NumberSeries.objects.select_for_update().get(pk=series)
    row.last += 1
    row.save(update_fields=["last"])
    return row.last


def request_number(at: datetime, *, case: Case) -> str:
    """`GUI-2027-0042`: prefix of the case's type, Paris year of the deposit, rank in that year
    among files of the type."""
    year = at.astimezone(PARIS).year
    return f"{case.prefix}-{year}-{_next(f'{case.series}-{year}'):04d}"


def opinion_number(at: datetime) -> str:
    """`AVIS-2027-0042`: the Paris year of the opinion, and its rank in that year."""
    year = at.astimezone(PARIS).year
    return f"AVIS-{year}-{_next(f'opinion-{year}'):04d}"
