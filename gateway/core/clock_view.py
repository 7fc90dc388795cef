"""A clock as people and parties see it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.core.calendar import Calendar
from gateway.core.legal_clock import CLOCK_STATES, ClockState, LegalClock, remaining_days
from gateway.core.sla_rule import OWNERS
from gateway.core.sla_table import RULES
from gateway.core.wire.instants import format_beijing

STATES: Final[Mapping[str, str]] = MappingProxyType({**CLOCK_STATES, "breached": "已超期"})
"""What a clock may be asked for by: the states, and breached for one that runs beyond its term."""


def name_state(clock: LegalClock) -> str:
    """The state as it is shown: a clock that runs beyond its term is breached."""
    over = clock.state is ClockState.RUNNING and clock.breached_at is not None
    return "breached" if over else clock.state.value


def find_state(state: str | None) -> dict[str, Any]:
    """What a shown state means for a query: the fields `state` and `breached`."""
    if state == "breached":
        return {"state": ClockState.RUNNING, "breached": True}
    return {"state": None if state is None else ClockState(state)}


def show_clock(clock: LegalClock, now: int, calendar: Calendar) -> dict[str, Any]:
    """The members of one clock as of `now` (microseconds UTC of legal time).

    `clause` is the document and article that `basis` begins with.
    """
    rule, state = RULES[clock.rule], name_state(clock)
    return {
        "clockNo": clock.number,
        "rule": clock.rule,
        "title": rule.title,
        "about": rule.about.value,
        "subject": clock.subject,
        "key": clock.key or None,
        "owner": rule.owner.value,
        "ownerTitle": OWNERS[rule.owner.value],
        "platform": clock.platform,
        "institution": clock.institution,
        "basis": clock.basis,
        "clause": clock.basis.partition("：")[0],
        "unverified": clock.unverified,
        "term": {"count": clock.length.count, "unit": clock.length.unit.value},
        "state": state,
        "stateTitle": STATES[state],
        "awaits": clock.awaits.value if clock.awaits else None,
        "start": _time(clock.start_at),
        "due": _time(clock.due_at),
        "dueDate": clock.due_date,
        "override": _time(clock.fixed_at),
        "provisional": clock.provisional,
        "calendar": clock.calendar or None,
        "remainingWorkingDays": remaining_days(clock, now, calendar),
        "startedBy": {"source": clock.source, "id": clock.message_id},
        "breachedTime": _time(clock.breached_at),
        "endedTime": _time(clock.ended_at),
        "endedBy": clock.ended_by,
    }


def show_fired(fired: Mapping[int, int]) -> list[dict[str, Any]]:
    """The thresholds that were fired, in order."""
    return [{"percent": percent, "time": format_beijing(at)} for percent, at in sorted(fired.items())]


def _time(instant: int | None) -> str | None:
    return None if instant is None else format_beijing(instant)
