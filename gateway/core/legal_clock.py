"""One legal clock: the term of one duty, from what starts it to what ends it, as the store keeps it.

A clock waits for what starts it (a delivery, a service), then runs; it ends, or is withdrawn, and stays on record. A
breach does not end it: the duty goes on. Source: domain section 5. Instants are microseconds UTC of legal time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gateway.core.area import Length, Unit
from gateway.core.calendar import Calendar, Deadline, end_of_day, local_date
from gateway.core.value_class import value_class

BREACH: Final = 100
"""The threshold at which the term is over."""


class ClockState(StrEnum):
    """Where a clock stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


CLOCK_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {"waiting": "待送达", "running": "计时中", "ended": "已办结", "withdrawn": "已撤销"}
)


class Awaits(StrEnum):
    """What starts a clock that waits: the delivery of its message, or a record of service by other means alone."""

    DELIVERY = "delivery"
    SERVICE = "service"


@value_class
class LegalClock:
    """One clock. `subject` is the number that people know it by, `scope` the order or case by which it is ended.

    `key` tells clocks of one rule and scope apart (a notice, a period). `source` and `message_id` name the message that
    it comes from, both empty for one that no message started. `close` is the close of business in minutes,
    `fixed_at` a term that the message itself sets, `next_percent` the threshold that is fired at `next_at`.
    `due_date` and `calendar` belong to the reckoning: the last day, and the version of the calendar it was found with.
    """

    number: str
    rule: str
    subject: str
    scope: str
    key: str
    platform: str
    institution: str | None
    region: str | None
    basis: str
    unverified: bool
    length: Length
    close: int
    source: str
    message_id: str
    created_at: int
    awaits: Awaits | None = None
    fixed_at: int | None = None
    state: ClockState = ClockState.WAITING
    start_at: int | None = None
    due_at: int | None = None
    due_date: str | None = None
    provisional: bool = False
    calendar: str = ""
    next_percent: int | None = None
    next_at: int | None = None
    breached_at: int | None = None
    ended_at: int | None = None
    ended_by: str | None = None

    @property
    def open(self) -> bool:
        """Whether the duty still stands."""
        return self.state in {ClockState.WAITING, ClockState.RUNNING}


def begin_clock(clock: LegalClock, at: int, calendar: Calendar, thresholds: tuple[int, ...]) -> LegalClock:
    """The clock running from `at`; `thresholds` in percent, ascending.

    Of a term that was over before anybody heard of it no one is warned: it breaches.
    """
    due = _reckon(clock, at, calendar)
    over = due.at <= max(at, clock.created_at)
    told = _tell_due(due, calendar) | _aim(clock, at, due.at, calendar, BREACH if over else thresholds[0])
    return replace(clock, state=ClockState.RUNNING, awaits=None, start_at=at, **told)


def run_on(clock: LegalClock, at: int) -> LegalClock:
    """The clock running from `at` without an end that is known yet: nothing is warned of."""
    return replace(clock, state=ClockState.RUNNING, awaits=None, start_at=at)


def pass_threshold(clock: LegalClock, calendar: Calendar, thresholds: tuple[int, ...]) -> LegalClock:
    """The clock after its next threshold was fired."""
    reached = clock.next_percent or 0
    following = next((percent for percent in thresholds if percent > reached), None)
    breached = clock.due_at if reached == BREACH else None
    if following is None:
        return replace(clock, breached_at=breached, next_percent=None, next_at=None)
    start, due_at = _span(clock)
    return replace(clock, breached_at=breached, **_aim(clock, start, due_at, calendar, following))


def reckon_again(clock: LegalClock, calendar: Calendar) -> LegalClock:
    """The running clock by newer data; thresholds that were fired stay fired, and a term that is over stays over."""
    start, _ = _span(clock)
    if clock.breached_at is not None:
        return keep_due(clock, calendar)
    due = _reckon(clock, start, calendar)
    percent = clock.next_percent
    aimed = {} if percent is None else _aim(clock, start, due.at, calendar, percent)
    return replace(clock, **_tell_due(due, calendar), **aimed)


def keep_due(clock: LegalClock, calendar: Calendar) -> LegalClock:
    """The clock as it was told, with newer data taken note of."""
    return replace(clock, calendar=calendar.version)


def find_due(clock: LegalClock, calendar: Calendar) -> Deadline:
    """When the term of a clock that has begun is over by this calendar, whatever was told before."""
    start, _ = _span(clock)
    return _reckon(clock, start, calendar)


def end_clock(clock: LegalClock, at: int, by: str, *, withdrawn: bool) -> LegalClock:
    """The clock ended at `at` by a message or event."""
    state = ClockState.WITHDRAWN if withdrawn else ClockState.ENDED
    return replace(clock, state=state, awaits=None, ended_at=at, ended_by=by, next_percent=None, next_at=None)


def remaining_days(clock: LegalClock, now: int, calendar: Calendar) -> int | None:
    """Working days left after today, 0 on the last day, negative after it; None for a clock that does not run."""
    if clock.state is not ClockState.RUNNING or clock.due_at is None:
        return None
    return calendar.remaining(now, _last_day(clock.due_at))


def _reckon(clock: LegalClock, start: int, calendar: Calendar) -> Deadline:
    if clock.fixed_at is None:
        return calendar.deadline(start, clock.length, clock.close)
    return Deadline(at=clock.fixed_at, date=_last_day(clock.fixed_at), provisional=False)


def _tell_due(due: Deadline, calendar: Calendar) -> dict[str, Any]:
    return {
        "due_at": due.at,
        "due_date": str(due.date),
        "provisional": due.provisional,
        "calendar": calendar.version,
    }


def _aim(clock: LegalClock, start: int, due_at: int, calendar: Calendar, percent: int) -> dict[str, Any]:
    return {"next_percent": percent, "next_at": _threshold_at(clock, start, due_at, calendar, percent)}


def _threshold_at(clock: LegalClock, start: int, due_at: int, calendar: Calendar, percent: int) -> int:
    """When so much of the term is over: of its working days where it counts them, else of its time.

    Half of five working days is the middle of the third one, whatever holidays lie between.
    """
    if clock.fixed_at is not None or clock.length.unit is not Unit.WORKING_DAYS or percent in {0, BREACH}:
        return start + (due_at - start) * percent // BREACH
    whole = percent * clock.length.count
    number = (whole - 1) // BREACH + 1
    day = calendar.due(local_date(start), number).date
    midnight = end_of_day(day, 0)
    return midnight + (end_of_day(day, clock.close) - midnight) * (whole - BREACH * (number - 1)) // BREACH


def _span(clock: LegalClock) -> tuple[int, int]:
    """The start and the due of a clock that has begun."""
    if clock.start_at is None or clock.due_at is None:
        raise ValueError(f"clock {clock.number} has not begun")
    return clock.start_at, clock.due_at


def _last_day(due_at: int) -> date:
    """The day that ends with this instant, where it is a midnight; else the day that it lies in."""
    return local_date(due_at - 1)
