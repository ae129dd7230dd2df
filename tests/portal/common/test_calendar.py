"""Legal time: working days, month ends, last instants, the change of hour."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.common.calendar import (
    PARIS,
    deadline,
    end_of_day,
    legal_now,
    legal_today,
    moment_after,
    working_days_left,
)
from portal.common.units import UNITS, add_period, is_working_day, parse_lead, parse_period
from requests_app.procedures.words import period_in_words


unhurried = settings(deadline=None)  # the first call of a year reads its holidays
DAYS = st.dates(date(2019, 1, 1), date(2060, 12, 31))
COUNTS = st.integers(1, 60)

# Movable feasts by the calendar (Meeus), not by the library under test.
EASTER_MONDAYS = {
    2024: (4, 1),
    2025: (4, 21),
    2026: (4, 6),
    2027: (3, 29),
    2028: (4, 17),
    2038: (4, 26),
}


def easter(year: int) -> date:
    """Gregorian Easter (anonymous algorithm of 1876)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    n = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * n) // 451
    month, day = divmod(h + n - 7 * m + 114, 31)
    return date(year, month, day + 1)


def is_french_holiday(day: date) -> bool:
    """Code du travail, art. L3133-1: eleven days."""
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    sunday = easter(day.year)
    movable = {sunday + timedelta(days=n) for n in (1, 39, 50)}
    return (day.month, day.day) in fixed or day in movable


@pytest.mark.parametrize(("year", "month_day"), EASTER_MONDAYS.items())
def test_easter_monday_is_not_worked(year: int, month_day: tuple[int, int]) -> None:
    monday = date(year, *month_day)
    assert easter(year) + timedelta(days=1) == monday
    assert not is_working_day(monday)
    assert is_working_day(monday + timedelta(days=1))
    assert add_period(monday - timedelta(days=3), "1wd") == monday + timedelta(days=1)


@unhurried
@given(DAYS)
def test_a_working_day_is_a_week_day_that_is_no_holiday(day: date) -> None:
    assert is_working_day(day) == (day.isoweekday() <= 5 and not is_french_holiday(day))


@unhurried
@given(DAYS, COUNTS)
def test_working_days_are_counted_one_by_one(start: date, count: int) -> None:
    last = add_period(start, f"{count}wd")
    between = [start + timedelta(days=n) for n in range(1, (last - start).days + 1)]
    worked = [d for d in between if d.isoweekday() <= 5 and not is_french_holiday(d)]
    assert len(worked) == count
    assert worked[-1] == last


@unhurried
@given(DAYS, COUNTS)
def test_days_and_weeks_are_plain(start: date, count: int) -> None:
    assert add_period(start, f"{count}d") == start + timedelta(days=count)
    assert add_period(start, f"{count}w") == start + timedelta(days=7 * count)


@unhurried
@given(DAYS, st.integers(1, 36))
def test_months_keep_the_day_or_end_the_month(start: date, count: int) -> None:
    last = add_period(start, f"{count}m")
    months = (last.year - start.year) * 12 + last.month - start.month
    assert months == count
    next_day = last + timedelta(days=1)
    assert last.day == start.day or (last.day < start.day and next_day.day == 1)


@pytest.mark.parametrize(
    ("start", "period", "last"),
    [
        ("2027-01-31", "1m", "2027-02-28"),
        ("2028-01-31", "1m", "2028-02-29"),
        ("2027-03-31", "1m", "2027-04-30"),
        ("2027-02-28", "1m", "2027-03-28"),
        ("2027-12-15", "2m", "2028-02-15"),
        ("2028-02-29", "1y", "2029-02-28"),
        ("2027-12-31", "2m", "2028-02-29"),
        ("2027-03-01", "10d", "2027-03-11"),
        ("2027-03-01", "2w", "2027-03-15"),
        # 25 December 2026 is a Friday, 1 January 2027 too.
        ("2026-12-23", "7wd", "2027-01-05"),
        # Ascension and Whit Monday 2027: 6 and 17 May; 8 May is a Saturday.
        ("2027-05-05", "1wd", "2027-05-07"),
        ("2027-05-14", "1wd", "2027-05-18"),
    ],
)
def test_periods_by_example(start: str, period: str, last: str) -> None:
    assert add_period(date.fromisoformat(start), period) == date.fromisoformat(last)


@pytest.mark.parametrize("period", ["7wd", "10d", "2w", "1m", "1y"])
def test_each_unit_ends_at_the_last_instant_of_its_day(period: str) -> None:
    start = datetime(2027, 3, 1, 14, 30, tzinfo=PARIS)
    until = deadline(start, period)
    local = until.astimezone(PARIS)
    assert local.date() == add_period(date(2027, 3, 1), period)
    assert local.time().isoformat() == "23:59:59.999999"
    tomorrow = (until.astimezone(UTC) + timedelta(microseconds=1)).astimezone(PARIS)
    assert tomorrow.date() == local.date() + timedelta(days=1)
    assert tomorrow.time().isoformat() == "00:00:00"


def test_the_day_of_the_event_is_the_one_in_paris() -> None:
    # 23:30 UTC is already the next day in Paris.
    assert deadline(datetime(2027, 7, 1, 23, 30, tzinfo=UTC), "1d").date() == date(2027, 7, 3)


@pytest.mark.parametrize(
    ("start", "hours"),
    [(date(2027, 3, 28), 23), (date(2027, 10, 31), 25)],  # the two changes of hour
)
def test_the_change_of_hour_neither_shortens_nor_lengthens_a_day(start: date, hours: int) -> None:
    before = end_of_day(start - timedelta(days=1)).astimezone(UTC)
    assert end_of_day(start).astimezone(UTC) - before == timedelta(hours=hours)
    noon = datetime(start.year, start.month, start.day, 12, tzinfo=PARIS)
    assert moment_after(noon - timedelta(days=1), "1d") == noon
    assert deadline(noon, "1d").astimezone(PARIS).date() == start + timedelta(days=1)


@pytest.mark.parametrize(
    "text", ["", "7", "wd", "0d", "-1d", "1.5d", "7 wd", "7WD", "7days", "10000d"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a period"):
        parse_period(text)


@unhurried
@given(DAYS, COUNTS)
def test_days_left_agree_with_the_period(start: date, count: int) -> None:
    now = datetime(start.year, start.month, start.day, 9, tzinfo=PARIS)
    until = deadline(now, f"{count}wd")
    assert working_days_left(until, now=now) == count
    assert working_days_left(now - timedelta(days=2), now=now) == 0


def test_days_left_on_the_last_day_and_after() -> None:
    until = end_of_day(date(2027, 3, 12))
    at = datetime(2027, 3, 12, 23, 0, tzinfo=PARIS)
    assert working_days_left(until, now=at) == 0
    assert working_days_left(until, now=at - timedelta(days=1)) == 1


def test_durations_are_elapsed_time_and_days_wall_time() -> None:
    start = datetime(2027, 3, 27, 23, 0, tzinfo=PARIS)
    assert moment_after(start, "4h").astimezone(PARIS).hour == 4  # an hour is missing that night
    assert moment_after(start, "1d").astimezone(PARIS).hour == 23
    assert moment_after(start, "30min") - start == timedelta(minutes=30)
    with pytest.raises(ValueError, match="not a period"):
        moment_after(start, "soon")


@pytest.mark.django_db
def test_legal_time_is_real_time_without_an_offset() -> None:
    with time_machine.travel("2027-06-30T22:30:00Z", tick=False):
        assert legal_now() == datetime(2027, 6, 30, 22, 30, tzinfo=UTC)
        assert legal_today() == date(2027, 7, 1)


def test_outside_training_no_row_is_read(settings: object) -> None:
    settings.TRAINING = False  # type: ignore[attr-defined]
    assert abs((legal_now() - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize("code", UNITS)
def test_a_unit_counts_back_as_it_counts_on(code: str) -> None:
    """What a reminder before a last day and a clock after a start ask of every unit."""
    start = date(2026, 6, 17)  # in the middle of a month, a Wednesday without a feast beside it
    later = UNITS[code].later(start, 2)
    assert later == add_period(start, f"2{code}") > start
    assert UNITS[code].later(later, -2) == start
    assert period_in_words(f"2{code}").startswith("2 ")
    assert UNITS[code].english


@pytest.mark.parametrize("code", [one for one in UNITS if UNITS[one].pauses])
def test_what_is_between_two_days_is_what_a_period_less_one_takes(code: str) -> None:
    start = date(2026, 12, 22)  # over two feasts
    for count in range(1, 9):
        last = add_period(start, f"{count}{code}")
        assert UNITS[code].between(start, last) == count - 1


def test_a_lead_has_its_sign_and_a_period_none() -> None:
    assert parse_lead("-3wd") == (-3, "wd")
    assert parse_lead("0d") == (0, "d")
    for wrong in ("3wd", "+0d", "-1m", "-3", "−3d"):
        with pytest.raises(ValueError, match="not a lead"):
            parse_lead(wrong)
    for wrong in ("+3d", "-3d", "0d", "3"):
        with pytest.raises(ValueError, match="not a period"):
            parse_period(wrong)
