"""Working days: against the package, against a second library, and the ends of periods."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import load_calendar
from gateway.core.area import Length, Unit
from gateway.core.calendar import add_months, build_calendar, end_of_day, is_weekday, local_date

CALENDAR = load_calendar()
WEEKDAYS_ONLY = build_calendar(date(2026, 1, 1), date(2026, 12, 31), is_weekday)


def days_of(first, last):
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


def instant(text):
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_agrees_with_the_package(year):
    """Each day of 2024 to 2026 is a working day exactly when the package says so."""
    for day in days_of(date(year, 1, 1), date(year, 12, 31)):
        assert CALENDAR.is_working(day) == chinese_calendar.is_workday(day), day


@pytest.mark.parametrize("length", [3, 5, 10, 20])
def test_every_start_of_2026_agrees_with_another_library(length):
    """From each day of 2026 the deadline is the other library's, as long as it stays in the year that both know."""
    other = holidays.country_holidays("CN", years=[2026])
    compared = 0
    for start in days_of(date(2026, 1, 1), date(2026, 12, 31)):
        due = CALENDAR.due(start, length)
        assert due.provisional == (due.date.year > 2026)
        if not due.provisional:
            assert due.date == other.get_nth_working_day(start, length), start
            compared += 1
    assert compared > 300


@pytest.mark.parametrize(
    ("start", "days", "due", "provisional"),
    [
        ("2026-02-09", 5, "2026-02-14", False),  # the make-up Saturday before the Spring Festival
        ("2026-02-13", 2, "2026-02-24", False),  # over the festival
        ("2026-02-14", 1, "2026-02-24", False),  # beginning on the make-up day
        ("2026-02-21", 1, "2026-02-24", False),  # beginning inside the festival
        ("2026-09-18", 1, "2026-09-20", False),  # a make-up Sunday
        ("2026-12-18", 9, "2026-12-31", False),  # ends with the last day that is known
        ("2026-12-18", 10, "2027-01-01", True),  # the first day after it
        ("2027-03-05", 1, "2027-03-08", True),
        ("2019-12-31", 1, "2020-01-02", True),  # begins before the known data
    ],
)
def test_a_period_excludes_its_first_day(start, days, due, provisional):
    """Counting begins on the day after the start; what reaches past the known data is provisional."""
    found = CALENDAR.due(date.fromisoformat(start), days)
    assert (str(found.date), found.provisional) == (due, provisional)


def test_a_period_has_a_day():
    """A period of no working day is refused."""
    with pytest.raises(ValueError, match="at least one"):
        CALENDAR.due(date(2026, 3, 2), 0)


@given(start=st.dates(date(2024, 1, 1), date(2027, 6, 1)), days=st.integers(1, 60))
def test_days_between_a_start_and_its_due_are_the_length(start, days):
    """Counting back from the due date gives the length, and the due date is itself a working day."""
    due = CALENDAR.due(start, days)
    assert CALENDAR.working_days_between(start, due.date) == days
    assert CALENDAR.working_days_between(due.date, start) == -days
    assert CALENDAR.is_working(due.date)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-02-09T10:00:00+08:00", 5),
        ("2026-02-13T15:59:59+00:00", 1),
        ("2026-02-13T16:00:00+00:00", 0),
        ("2026-02-24T00:00:00+08:00", -1),
    ],
)
def test_remaining_working_days_turn_at_midnight_in_shanghai(now, left):
    """On the last day none is left; the day changes at 16:00 UTC; afterwards the count is negative."""
    assert CALENDAR.remaining(instant(now), date(2026, 2, 14)) == left


@pytest.mark.parametrize(
    ("length", "close", "end"),
    [
        (Length(count=5, unit=Unit.WORKING_DAYS), 1440, "2026-02-15T00:00:00+08:00"),
        (Length(count=5, unit=Unit.WORKING_DAYS), 1050, "2026-02-14T17:30:00+08:00"),
        (Length(count=30, unit=Unit.DAYS), 1440, "2026-03-12T00:00:00+08:00"),
        (Length(count=30, unit=Unit.SECONDS), 1050, "2026-02-09T23:30:30+08:00"),
        (Length(count=1, unit=Unit.MONTHS), 1440, "2026-03-10T00:00:00+08:00"),
        (Length(count=3, unit=Unit.YEARS), 1440, "2029-02-10T00:00:00+08:00"),
    ],
)
def test_a_period_ends_with_its_last_day(length, close, end):
    """Days end at 24:00 or the close of business in Shanghai; seconds run from instant to instant."""
    assert CALENDAR.deadline(instant("2026-02-09T23:30:00+08:00"), length, close).at == instant(end)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-11-30", 2, "2027-01-30"),
        ("2026-12-15", 12, "2027-12-15"),
    ],
)
def test_months_keep_the_day_where_there_is_one(day, months, later):
    """A month without such a day ends the period on its last day."""
    assert str(add_months(date.fromisoformat(day), months)) == later


def test_days_are_those_of_shanghai():
    """A day begins at 16:00 UTC of the day before."""
    assert local_date(instant("2026-02-13T16:00:00+00:00")) == date(2026, 2, 14)
    assert end_of_day(date(2026, 2, 13)) == instant("2026-02-13T16:00:00+00:00")
    assert datetime.fromtimestamp(end_of_day(date(2026, 2, 13), 1050) / 1_000_000, UTC).hour == 9


def test_the_version_changes_with_the_data_and_only_with_it():
    """Equal days have equal versions; one day's difference makes another."""
    again = build_calendar(date(2026, 1, 1), date(2026, 12, 31), is_weekday)
    other = build_calendar(date(2026, 1, 1), date(2026, 12, 31), lambda day: day == date(2026, 1, 3) or is_weekday(day))
    assert WEEKDAYS_ONLY.version == again.version != other.version
    assert len({CALENDAR.version, WEEKDAYS_ONLY.version, other.version}) == 3
