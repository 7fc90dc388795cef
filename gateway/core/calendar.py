"""Working days over a frozen calendar, and the end of a period.

A period excludes its first day and ends with its last day (24:00 Asia/Shanghai, or the area's close of business);
make-up Saturdays and Sundays count. Outside the known data only weekends are free and the answer is provisional.
Source: domain section 5 (Civil Code, articles 201 and 203).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from gateway.core.area import Length, Unit
from gateway.core.value_class import value_class

MIDNIGHT: Final = 24 * 60
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 1440 * _MINUTE_US
_OFFSET: Final = 480 * _MINUTE_US
"""China has kept UTC+8 without summer time since 1992."""
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_YEAR_MONTHS: Final = 12


@value_class
class Due:
    """The last day of a period; `provisional` when it lies outside the known data."""

    date: date
    provisional: bool


@value_class
class Deadline:
    """The instant (microseconds UTC) at which a period is over, its last day, and whether that is provisional."""

    at: int
    date: date
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The days known from `known_from` to `known_until`, both included.

    `exceptions` holds the days that differ from their weekday: a weekday that is free (False), a Saturday or Sunday at
    work (True). `version` changes with the data and only with it.
    """

    known_from: date
    known_until: date
    exceptions: Mapping[date, bool]
    version: str
    _dues: dict[tuple[date, int], Due] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Periods that were counted: all messages of a day ask for the same few."""

    def knows(self, day: date) -> bool:
        """Whether the arrangement of this day has been published."""
        return self.known_from <= day <= self.known_until

    def is_working(self, day: date) -> bool:
        """Whether people work on this day; outside the known data every weekday is a working day."""
        return self.exceptions.get(day, is_weekday(day))

    def due(self, start_date: date, days: int) -> Due:
        """The last day of a period of `days` working days that begins on `start_date`; ValueError below one day."""
        found = self._dues.get((start_date, days))
        if found is None:
            found = self._dues[start_date, days] = self._count(start_date, days)
        return found

    def _count(self, start_date: date, days: int) -> Due:
        if days < 1:
            raise ValueError("a period has at least one working day")
        left, day = days, start_date
        while left:
            day += _DAY
            left -= self.is_working(day)
        return self._settle(start_date, day)

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end`; negative when `end` is the earlier one."""
        if end < start:
            return -self.working_days_between(end, start)
        return sum(self.is_working(start + timedelta(days=step)) for step in range(1, (end - start).days + 1))

    def remaining(self, now: int, last_day: date) -> int:
        """Working days left after the day of `now` (microseconds UTC); 0 on the last day, negative after it."""
        return self.working_days_between(local_date(now), last_day)

    def deadline(self, start: int, length: Length, close: int = MIDNIGHT) -> Deadline:
        """When a period of this length from `start` (microseconds UTC) is over.

        `close` is the close of business of the last day in minutes after midnight; seconds run to the instant.
        """
        if length.unit is Unit.SECONDS:
            at = start + length.count * 1_000_000
            return Deadline(at=at, date=local_date(at), provisional=False)
        due = _COUNTED[length.unit](self, local_date(start), length.count)
        return self.close(due, close)

    def close(self, due: Due, close: int = MIDNIGHT) -> Deadline:
        """The instant at which a last day is over, e.g. one that a special payment notice names."""
        return Deadline(at=end_of_day(due.date, close), date=due.date, provisional=due.provisional)

    def _settle(self, start: date, last: date) -> Due:
        return Due(date=last, provisional=start < self.known_from or last > self.known_until)


def build_calendar(known_from: date, known_until: date, working: Callable[[date], bool]) -> Calendar:
    """A calendar of these days, frozen from what `working` says of each."""
    days = (known_from + timedelta(days=step) for step in range((known_until - known_from).days + 1))
    exceptions = {day: is_working for day in days if (is_working := working(day)) != is_weekday(day)}
    return Calendar(
        known_from=known_from,
        known_until=known_until,
        exceptions=MappingProxyType(exceptions),
        version=_name_version(known_from, known_until, exceptions),
    )


def is_weekday(day: date) -> bool:
    """Monday to Friday."""
    return day.weekday() < _SATURDAY


def local_date(instant: int) -> date:
    """The day in Shanghai at this instant (microseconds UTC)."""
    return date.fromordinal(_EPOCH_DAY + (instant + _OFFSET) // _DAY_US)


def end_of_day(day: date, close: int = MIDNIGHT) -> int:
    """The instant (microseconds UTC) `close` minutes after this day's midnight in Shanghai."""
    return (day.toordinal() - _EPOCH_DAY) * _DAY_US + close * _MINUTE_US - _OFFSET


def add_months(day: date, months: int) -> date:
    """The same day so many months later (earlier when negative), or the month's last day where it has no such day."""
    year, month = divmod(day.year * _YEAR_MONTHS + day.month - 1 + months, _YEAR_MONTHS)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _count_days(_: Calendar, start: date, days: int) -> Due:
    return Due(date=start + timedelta(days=days), provisional=False)


def _count_months(_: Calendar, start: date, months: int) -> Due:
    return Due(date=add_months(start, months), provisional=False)


def _count_years(_: Calendar, start: date, years: int) -> Due:
    return Due(date=add_months(start, years * _YEAR_MONTHS), provisional=False)


_COUNTED: Final[Mapping[Unit, Callable[[Calendar, date, int], Due]]] = {
    Unit.WORKING_DAYS: Calendar.due,
    Unit.DAYS: _count_days,
    Unit.MONTHS: _count_months,
    Unit.YEARS: _count_years,
}


def _name_version(known_from: date, known_until: date, exceptions: Mapping[date, bool]) -> str:
    lines: Iterable[str] = (f"{day} {int(is_working)}" for day, is_working in sorted(exceptions.items()))
    digest = sha256("\n".join([f"{known_from} {known_until}", *lines]).encode()).hexdigest()
    return f"{known_until.year}-{digest[:12]}"
