"""What the gateway writes about clocks: warnings, breaches, dates that moved, guarantees that lapsed.

Ids derive from clock and threshold, so that saying it twice is the same message. Source: domain sections 2 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gateway.core.calendar import Calendar
from gateway.core.legal_clock import BREACH, LegalClock, remaining_days
from gateway.core.order import Order
from gateway.core.sla_rule import ClockRule, Owner
from gateway.core.sla_table import RULES
from gateway.core.wire.instants import format_beijing
from gateway.flow.own_messages import Letter

WARNING: Final = "sla.warning.v1"
BREACHED: Final = "sla.breached.v1"
LAPSED: Final = "guarantee.lapsed.v1"


def write_warning(clock: LegalClock, percent: int, calendar: Calendar, now: int) -> Sequence[Letter]:
    """So much of the term is over."""
    data = _describe(clock) | {"percent": percent} | _remaining(clock, calendar, now)
    return _to_both(clock, WARNING, f"sla-{percent}-{clock.number}", data)


def write_breach(clock: LegalClock, now: int) -> Sequence[Letter]:
    """The term is over and the duty is not done."""
    data = _describe(clock) | {"breachedTime": format_beijing(clock.due_at or now)}
    return _to_both(clock, BREACHED, f"sla-{BREACH}-{clock.number}", data)


def write_moved(before: LegalClock, after: LegalClock, calendar: Calendar, now: int) -> Sequence[Letter]:
    """The due date by a newer calendar, with the one told before; `percent` is the last threshold that was reached."""
    thresholds = RULES[after.rule].thresholds
    reached = max((percent for percent in thresholds if percent < (after.next_percent or BREACH)), default=0)
    former = {} if before.due_at is None else {"formerDue": format_beijing(before.due_at)}
    data = _describe(after) | {"percent": reached} | former | _remaining(after, calendar, now)
    return _to_both(after, WARNING, f"sla-due-{after.number}-{calendar.version}", data)


def write_lapse(clock: LegalClock, order: Order) -> Sequence[Letter]:
    """A guarantee lapsed, whether its paper came back or not (SM 6)."""
    ground, _, replaced_by = clock.key.partition(" ")
    data = {
        "orderNo": order.subject,
        "guaranteeNo": order.guarantee_no,
        "ground": ground,
        "lapsedTime": format_beijing(clock.created_at),
        "validTo": order.valid_to,
    }
    data |= {"replacedBy": replaced_by} if replaced_by else {}
    return _to_both(clock, LAPSED, f"lapsed-{clock.number}", data)


def name_owner(rule: ClockRule, clock: LegalClock) -> str | None:
    """The party whose duty it is; the platform speaks for the authority and for the contractor."""
    return clock.institution if rule.owner is Owner.INSTITUTION else _PARTIES.get(rule.owner, clock.platform)


_PARTIES: Final[Mapping[Owner, str]] = MappingProxyType({Owner.GATEWAY: "gateway"})


def _describe(clock: LegalClock) -> dict[str, Any]:
    rule = RULES[clock.rule]
    owner = name_owner(rule, clock)
    assert clock.start_at is not None
    assert clock.due_at is not None
    return {
        "businessNo": clock.subject,
        "clockNo": clock.number,
        "rule": clock.rule,
        "title": rule.title,
        "basis": clock.basis,
        **({"owner": owner} if owner else {}),
        "start": format_beijing(clock.start_at),
        "due": format_beijing(clock.due_at),
        "provisional": clock.provisional,
    }


def _remaining(clock: LegalClock, calendar: Calendar, now: int) -> dict[str, int]:
    return {"remainingWorkingDays": max(0, remaining_days(clock, now, calendar) or 0)}


def _to_both(clock: LegalClock, type_: str, id_: str, data: Mapping[str, Any]) -> Sequence[Letter]:
    """One letter a side; of a case's clock only the platform is a party."""
    sides = [("p", clock.platform), *([("i", clock.institution)] if clock.institution else [])]
    told_about = clock.message_id or None
    return [
        Letter(
            type=type_, id=f"{id_}-{side}", subject=clock.subject, recipient=party, data=data, correlation_id=told_about
        )
        for side, party in sides
    ]
