"""When a clock ends: units, urgency, extension, stops."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.common.calendar import PARIS, deadline
from requests_app.deadlines.rules import Pause, due_at
from requests_app.procedures.parts import Clock


def clock(**more: Any) -> Clock:
    return Clock.model_validate(
        {
            "start": "stage",
            "period": "1m",
            "on_expiry": {"effect": "escalate"},
            "source": "test",
            "strength": "K",
        }
        | more
    )


def at(text: str, hour: int = 10) -> datetime:
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=PARIS)


def day(instant: datetime | None) -> str:
    assert instant is not None
    local = instant.astimezone(PARIS)
    assert (local.hour, local.minute, local.second) == (23, 59, 59)
    return str(local.date())


def test_no_start_no_due_date() -> None:
    assert due_at(clock(), start=None) is None


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("10d", "2027-03-01", "2027-03-11"),
        ("7wd", "2027-04-30", "2027-05-12"),  # two week-ends and Ascension (6 May)
        ("1m", "2027-01-31", "2027-02-28"),
        ("2m", "2026-12-31", "2027-02-28"),
    ],
)
def test_units(period: str, start: str, end: str) -> None:
    assert day(due_at(clock(period=period), start=at(start))) == end


def test_urgency_has_its_own_period() -> None:
    urgent = clock(urgent_period="15d")
    assert day(due_at(urgent, start=at("2027-03-01"), urgent=True)) == "2027-03-16"
    assert day(due_at(clock(), start=at("2027-03-01"), urgent=True)) == "2027-04-01"


def test_a_file_that_is_not_urgent_has_the_ordinary_period() -> None:
    assert day(due_at(clock(urgent_period="15d"), start=at("2027-03-01"))) == "2027-04-01"


def test_an_extension_runs_from_the_end_of_the_period() -> None:
    extended = clock(extension={"by": "1m"})
    assert day(due_at(extended, start=at("2027-01-31"), extended=True)) == "2027-03-28"


def test_days_before_the_stop_are_spent_and_the_rest_runs_from_the_resumption() -> None:
    paused = clock(period="7wd", pauses=True)
    # Monday 1 March; stopped on Thursday 4: Tuesday and Wednesday are spent, five are left.
    stop = Pause(at("2027-03-04"), at("2027-03-15"))
    assert day(due_at(paused, start=at("2027-03-01"), pauses=[stop])) == "2027-03-22"


def test_a_stopped_clock_has_no_due_date() -> None:
    paused = clock(period="7wd", pauses=True)
    stop = Pause(at("2027-03-04"), None)
    assert due_at(paused, start=at("2027-03-01"), pauses=[stop]) is None


def test_a_stop_on_the_last_day_leaves_one_day() -> None:
    paused = clock(period="7wd", pauses=True)
    stop = Pause(at("2027-03-10"), at("2027-03-22"))
    assert day(due_at(paused, start=at("2027-03-01"), pauses=[stop])) == "2027-03-23"


def test_the_end_of_the_access_is_the_end() -> None:
    end = at("2027-06-30")
    use = clock(start="permit_end", period=None)
    assert due_at(use, start=None, permit_end=end) == end


days = st.integers(min_value=0, max_value=60)


@given(days, days, days)
def test_a_stop_never_shortens_what_is_left(first: int, length: int, gap: int) -> None:
    from datetime import timedelta

    start = at("2027-01-04")
    paused = clock(period="30d", pauses=True)
    stops = [
        Pause(start + timedelta(days=first), start + timedelta(days=first + length)),
        Pause(
            start + timedelta(days=first + length + gap),
            start + timedelta(days=first + 2 * length + gap),
        ),
    ]
    end = due_at(paused, start=start, pauses=stops)
    assert end is not None
    assert end >= deadline(start, "30d") or first + length + gap > 30
    last = stops[-1].ended_at
    assert last is not None
    assert end > last
