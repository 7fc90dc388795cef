"""When terms run out, computed without the product: the calendar package, the overlay files read here, own arithmetic.

Lengths and thresholds are written down from domain section 5. Instants are aware datetimes in Beijing time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import chinese_calendar
import yaml

BEIJING = timezone(timedelta(hours=8))
DAY = timedelta(days=1)
NEVER = datetime.max.replace(tzinfo=BEIJING)

WORKING_DAYS = {
    "declaration-review": 5,
    "declare": 20,
    "deposit": 10,
    "issue": 10,
    "pay": 5,
    "usage-report": 3,
    "topup": 10,
    "statement": 10,
    "release-review": 5,
    "release-letter": 3,
    "onboarding-test": 5,
}
SECONDS = {"authenticity": 30, "lapse-notice": 0}
YEARS = {"confidentiality-term": 3}
PERCENTS = (50, 80, 95, 100)
ANNOUNCED = {"onboarding-test"}
"""Terms whose end others go by too: new data leave it where it was told."""

THRESHOLDS = {"expiry": (0, *PERCENTS), "lapse-notice": (100,), "confidentiality-term": (100,)}


class Days:
    """Working days: the package's, with the overlay files of a folder over them."""

    def __init__(self, folder: Path | None = None) -> None:
        self._changed: dict[date, bool] = {}
        self._whole: set[int] = set()
        for file in sorted(folder.glob("*.yaml")) if folder else ():
            told = yaml.safe_load(file.read_text(encoding="utf-8"))
            self._changed |= dict.fromkeys(told["holidays"], False) | dict.fromkeys(told["workdays"], True)
            self._whole |= {told["year"]} if told["complete"] else set()

    def knows(self, day: date) -> bool:
        """Whether the arrangement of this day's year is published."""
        if day.year in self._whole:
            return True
        try:
            chinese_calendar.is_workday(day)
        except NotImplementedError:
            return False
        return True

    def works(self, day: date) -> bool:
        """Whether people work on this day; of years not published only weekends are free."""
        if day in self._changed:
            return self._changed[day]
        if day.year in self._whole or not self.knows(day):
            return day.isoweekday() <= 5
        return bool(chinese_calendar.is_workday(day))

    def count(self, first: date, number: int) -> date:
        """The working day of this number after `first`."""
        return next(day for place, day in enumerate(self._after(first), 1) if place == number)

    def _after(self, day: date) -> Iterator[date]:
        while True:
            day += DAY
            if self.works(day):
                yield day


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term as the story knows it: whose, from when, and until when it stood.

    `over` is an end that is told; an endless one has none yet.
    """

    rule: str
    subject: str
    start: datetime
    end: datetime | None = None
    withdrawn: bool = False
    over: datetime | None = None
    endless: bool = False

    @property
    def counted(self) -> bool:
        """Whether it is counted in working days."""
        return self.over is None and self.rule in WORKING_DAYS

    def due(self, days: Days) -> datetime:
        """When it is over, the last of all days for an endless one."""
        if self.endless:
            return NEVER
        if self.over is not None:
            return self.over
        if self.rule in SECONDS:
            return self.start + timedelta(seconds=SECONDS[self.rule])
        return midnight(self._last(days) + DAY)

    def provisional(self, days: Days) -> bool:
        """Whether its last day is not known yet."""
        return self.counted and not days.knows(self._last(days))

    def _last(self, days: Days) -> date:
        if self.rule in YEARS:
            return self.start.date().replace(year=self.start.year + YEARS[self.rule])
        return days.count(self.start.date(), WORKING_DAYS[self.rule])

    def reached(self, percent: int, days: Days) -> datetime:
        """When so much of it is over: of its working days where they are counted, else of its time."""
        if not self.counted:
            return self.start + (self.due(days) - self.start) * percent / 100
        position = Fraction(percent * WORKING_DAYS[self.rule], 100)
        number = math.ceil(position)
        return midnight(days.count(self.start.date(), number)) + DAY * float(position - (number - 1))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a term: thresholds with their instants, the end reckoned last, and how it stands."""

    fired: Mapping[int, datetime]
    due: datetime
    provisional: bool
    state: str


def settle(term: Term, calendars: Sequence[tuple[datetime, Days]], created: datetime, until: datetime) -> Outcome:
    """Play a term to its end, or to `until`. `calendars` are the data with the instants at which they came.

    What is over by one calendar stays over; the rest goes by the next one. Nothing fires before `created`, when the
    gateway first heard of it.
    """
    if term.rule in ANNOUNCED:
        calendars = [next(each for each in reversed(calendars) if each[0] <= created)]
    fired: dict[int, datetime] = {}
    close = min(until, term.end or until)
    begun = max(term.start, created)
    for place, (since, days) in enumerate(calendars):
        following = calendars[place + 1][0] if place + 1 < len(calendars) else None
        if following is not None and following <= created:
            continue
        border = close if following is None else min(close, following)
        fired |= _fire(term, days, fired, floor=max(begun, since), border=border)
        if following is None or following > close or 100 in fired:
            return Outcome(
                fired=fired, due=term.due(days), provisional=term.provisional(days), state=_name(term, fired, until)
            )
    raise AssertionError("the last calendar has none after it")


def _fire(
    term: Term, days: Days, fired: Mapping[int, datetime], *, floor: datetime, border: datetime
) -> dict[int, datetime]:
    thresholds = THRESHOLDS.get(term.rule, PERCENTS)
    instants = {percent: max(term.reached(percent, days), floor) for percent in thresholds if percent not in fired}
    return {percent: at for percent, at in instants.items() if at <= border}


def _name(term: Term, fired: Mapping[int, datetime], until: datetime) -> str:
    if term.end is not None and term.end <= until:
        return "withdrawn" if term.withdrawn else "ended"
    if 100 in fired:
        return "ended" if term.rule in THRESHOLDS else "breached"
    return "running"


def midnight(day: date) -> datetime:
    """The beginning of a day."""
    return datetime.combine(day, datetime.min.time(), BEIJING)


def month_before(day: date) -> date:
    """The same day of the month before, or that month's last day."""
    last = day.replace(day=1) - DAY
    return last.replace(day=min(day.day, last.day))


def quarter_end(day: date) -> date:
    """The last day of the quarter that a day lies in."""
    month = (day.month - 1) // 3 * 3 + 3
    return (date(day.year + month // 12, month % 12 + 1, 1)) - DAY


def write_overlay(
    folder: Path, year: int, *, complete: bool, holidays: Iterable[date], workdays: Iterable[date]
) -> None:
    """An overlay file as an operator writes it."""
    told = {
        "year": year,
        "basis": "测试用的安排",
        "complete": complete,
        "holidays": sorted(holidays),
        "workdays": sorted(workdays),
    }
    (folder / f"{year}.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
