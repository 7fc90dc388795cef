"""Clocks as people and parties ask for them, and the part of the store that knows clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, bindparam, select

from gateway.core.legal_clock import ClockState, LegalClock
from gateway.ports import ClockQuery, DueClock, Firing
from gateway.store import clock_calendars, clock_sweep
from gateway.store.clock_tables import CLOCK_WARNINGS, CLOCKS, OPEN
from gateway.store.clocks import CLOCK_COLUMNS, clock_of
from gateway.store.runners import Runner

_C: Final = CLOCKS.c
_PAST: Final = CLOCKS.alias("past")
_PLAIN: Final = ("rule", "subject", "institution", "state")
_STANDING: Final = frozenset({ClockState.WAITING, ClockState.RUNNING})
_ONE: Final = select(*CLOCK_COLUMNS).where(_C.number == bindparam("which"))
_FIRED: Final = select(CLOCK_WARNINGS.c.percent, CLOCK_WARNINGS.c.fired_at).where(
    CLOCK_WARNINGS.c.clock == bindparam("which")
)


class ClockTables:
    """The part of the store that knows clocks."""

    _runner: Runner

    async def due_clocks(self, *, now: int, limit: int) -> Sequence[DueClock]:
        """Clocks whose next threshold has come."""
        return await self._runner.read(partial(clock_sweep.due_clocks, now=now, limit=limit))

    async def adopt_calendar(self, version: str, *, now: int) -> bool:
        """Another calendar counts."""
        return await self._runner.write(partial(clock_calendars.adopt_calendar, version=version, now=now))

    async def adopted_calendar(self) -> str | None:
        """The calendar that counts."""
        return await self._runner.read(clock_calendars.adopted_calendar)

    async def outdated_clocks(self, *, version: str, limit: int) -> Sequence[LegalClock]:
        """Clocks of another calendar."""
        return await self._runner.read(partial(clock_calendars.outdated_clocks, version=version, limit=limit))

    async def fire(self, firings: Sequence[Firing], *, now: int) -> Sequence[bool]:
        """Each threshold once, with what it brings about."""
        return await self._runner.write(partial(clock_sweep.fire, firings=firings, now=now))

    async def find_clocks(self, query: ClockQuery) -> Sequence[LegalClock]:
        """Clocks by filter."""
        return await self._runner.read(partial(find_clocks, query=query))

    async def find_clock(self, number: str) -> LegalClock | None:
        """One clock."""
        return await self._runner.read(partial(find_clock, number=number))

    async def fired(self, number: str) -> Mapping[int, int]:
        """Its thresholds that were fired."""
        return await self._runner.read(partial(fired, number=number))


def find_clocks(connection: Connection, *, query: ClockQuery) -> list[LegalClock]:
    """Clocks by filter, in the order of their rows."""
    return [clock_of(row) for row in connection.execute(finding_clocks(query))]


def finding_clocks(query: ClockQuery) -> Select[Any]:
    """The statement of `find_clocks`."""
    return select(*CLOCK_COLUMNS).where(*_wanted(query)).order_by(_C.id).limit(query.limit)


def find_clock(connection: Connection, *, number: str) -> LegalClock | None:
    """One clock."""
    row = connection.execute(_ONE, {"which": number}).first()
    return None if row is None else clock_of(row)


def fired(connection: Connection, *, number: str) -> dict[int, int]:
    """Its thresholds that were fired."""
    return {row.percent: row.fired_at for row in connection.execute(_FIRED, {"which": number})}


def _wanted(query: ClockQuery) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [
        _C[name] == value for name in _PLAIN if (value := getattr(query, name)) is not None
    ]
    if query.breached is not None:
        wanted.append(_C.breached_at.is_not(None) if query.breached else _C.breached_at.is_(None))
    if query.due_before is not None:
        wanted.append(_C.due_date < str(query.due_before))
    if query.state in _STANDING and query.subject is None and query.institution is None:
        wanted.append(OPEN)  # by the index of those alone, however many have ended
    wanted += _own(query, _C)
    if query.after is not None:
        wanted.append(_C.id > _row_of(query))
    return wanted


def _own(query: ClockQuery, columns: Any) -> list[ColumnElement[bool]]:
    """What the asking party takes part in."""
    asking = ((columns.platform, query.platform), (columns.institution, query.member))
    return [column == party for column, party in asking if party is not None]


def _row_of(query: ClockQuery) -> ScalarSelect[int]:
    """The row of a clock that the party may see: whether others' clocks exist, no page tells."""
    known = select(_PAST.c.id).where(_PAST.c.number == query.after, *_own(query, _PAST.c))
    return known.scalar_subquery()
