"""`GET /v1/clocks` and `GET /v1/clocks/{clockNo}`: legal clocks, to their parties only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.core.clock_view import STATES, find_state, show_clock, show_fired
from gateway.core.errors import FieldError, Problem
from gateway.core.legal_clock import LegalClock
from gateway.core.legal_time import LegalTime
from gateway.core.party import PLATFORM, Party
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Clock, ClockQuery, Clocks

_DEFAULT: Final = 50
_MOST: Final = 100
_DIGITS: Final = 3


class ClockCalls:
    """Legal clocks."""

    def __init__(self, clocks: Clocks, clock: Clock, legal_time: LegalTime) -> None:
        self._clocks = clocks
        self._clock = clock
        self._legal_time = legal_time

    async def list(self, call: Call) -> Reply:
        """The caller's clocks in the order of their start; `after` is the last clockNo of the page before."""
        query = read_query(call.query, call.known.party)
        found = await self._clocks.find_clocks(query)
        return reply_json({"clocks": [self._show(clock) for clock in found]})

    async def show(self, call: Call) -> Reply:
        """One clock with the thresholds that were fired; NOT_FOUND to strangers."""
        clock = await self._clocks.find_clock(call.names["clockNo"])
        if clock is None or call.known.party.id not in (clock.platform, clock.institution):
            raise Problem("NOT_FOUND")
        fired = await self._clocks.fired(clock.number)
        return reply_json(self._show(clock) | {"fired": show_fired(fired)})

    def _show(self, clock: LegalClock) -> dict[str, Any]:
        return show_clock(clock, self._legal_time.at(self._clock.now()), self._legal_time.calendar)


def read_query(text: str, party: Party) -> ClockQuery:
    """The party's own clocks by the filter of a query string; MALFORMED_REQUEST names each bad parameter.

    Unknown ones are ignored.
    """
    given = dict(parse_qsl(text, keep_blank_values=True))
    due_before, limit, state = _day(given), _limit(given), given.get("state")
    faults = [
        FieldError(pointer=f"?{name}", rule="range", message=text)
        for name, wrong, text in (
            ("dueBefore", due_before is None and "dueBefore" in given, "dueBefore 应为日期，例如 2026-12-31。"),
            ("limit", limit is None, f"limit 应为 1 至 {_MOST} 的整数。"),
            ("state", state not in {None, *STATES}, f"state 应为 {'、'.join(STATES)} 之一。"),
        )
        if wrong
    ]
    if faults:
        raise Problem("MALFORMED_REQUEST", faults[0].message, errors=faults)
    return ClockQuery(
        **find_state(state),
        rule=given.get("rule"),
        subject=given.get("subject"),
        institution=given.get("institution"),
        after=given.get("after"),
        due_before=due_before,
        platform=party.id if party.role == PLATFORM else None,
        member=None if party.role == PLATFORM else party.id,
        limit=limit or _DEFAULT,
    )


def _day(given: Mapping[str, str]) -> date | None:
    try:
        return date.fromisoformat(given["dueBefore"])
    except (KeyError, ValueError):
        return None


def _limit(given: Mapping[str, str]) -> int | None:
    text = given.get("limit", str(_DEFAULT))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
    return number if 1 <= number <= _MOST else None
