"""What a threshold of a clock brings about, decided without I/O: the clock, its order and other clocks afterwards.

Source: domain sections 3 (expiry is the clock's work) and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.area import Area
from gateway.core.calendar import Calendar
from gateway.core.effects import find_parameters, raise_event
from gateway.core.happening import Happening
from gateway.core.legal_clock import BREACH, LegalClock, end_clock, pass_threshold
from gateway.core.order import Order
from gateway.core.party import GATEWAY
from gateway.core.sla import ClockChange, find_changes
from gateway.core.sla_rule import Outcome
from gateway.core.sla_table import RULES

ENDED: Final = "order.ended"
SLA_BREACHED: Final = "SLA_BREACHED"
"""The alert that a breach raises, about `rule:number` of its clock."""

CALENDAR_MOVED: Final = "CALENDAR_MOVED"
"""The alert for a breach that newer data would have on another day, about the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """The clock after the threshold, the order where it changed, what follows for other clocks."""

    clock: LegalClock
    order: Order | None = None
    changes: tuple[ClockChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a decision goes by."""

    calendar: Calendar
    areas: Mapping[str, Area]


def decide_firing(clock: LegalClock, order: Order | None, means: Means) -> Fired:
    """What the clock's next threshold brings about; `order` is the one that the clock is about."""
    rule = RULES[clock.rule]
    if clock.next_percent != BREACH:
        return Fired(clock=pass_threshold(clock, means.calendar, rule.thresholds))
    return _DECIDED[rule.outcome](clock, order, means)


def _breach(clock: LegalClock, order: Order | None, means: Means) -> Fired:
    """The duty stands; a period that was missed is followed by the next one."""
    passed = pass_threshold(clock, means.calendar, RULES[clock.rule].thresholds)
    happening = _happen(clock, f"{clock.rule}.breached", order, order, means)
    return Fired(clock=passed, changes=find_changes(happening, means.calendar))


def _expire(clock: LegalClock, order: Order | None, means: Means) -> Fired:
    """The guarantee's last day is over: it lapses, or its claims are finished under the flag."""
    ended = _end(clock)
    if order is None:
        return Fired(clock=ended)
    parameters = find_parameters(means.areas, order.region, _due(clock)).orders
    after = raise_event(order, ENDED, now=_due(clock), parameters=parameters)
    if isinstance(after, str):
        return Fired(clock=ended)
    happening = _happen(clock, ENDED, order, after, means)
    return Fired(clock=ended, order=after, changes=find_changes(happening, means.calendar))


def _finish(clock: LegalClock, _: Order | None, __: Means) -> Fired:
    return Fired(clock=_end(clock))


def _end(clock: LegalClock) -> LegalClock:
    return end_clock(clock, _due(clock), f"{GATEWAY}/{clock.rule}", withdrawn=False)


def _due(clock: LegalClock) -> int:
    assert clock.due_at is not None
    return clock.due_at


def _happen(clock: LegalClock, type_: str, before: Order | None, after: Order | None, means: Means) -> Happening:
    return Happening(
        type=type_,
        id=clock.number,
        source=GATEWAY,
        subject=clock.subject,
        platform=clock.platform,
        now=_due(clock),
        area=find_parameters(means.areas, clock.region, _due(clock)),
        region=clock.region,
        data={"periodTo": clock.key},
        before=before,
        after=after,
    )


_DECIDED: Final[Mapping[Outcome, Callable[[LegalClock, Order | None, Means], Fired]]] = MappingProxyType(
    {Outcome.BREACH: _breach, Outcome.EXPIRY: _expire, Outcome.END: _finish, Outcome.LETTER: _finish}
)
