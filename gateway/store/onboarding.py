"""Onboarding: events appended under their number, the newest of each institution read back (domain section 6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from gateway.core.onboarding import Application, Registry
from gateway.core.onboarding_moves import Event
from gateway.core.sla import ClockLedger
from gateway.ports import PartyChange, Recorded
from gateway.store.books import write_audit
from gateway.store.clocks import write_clocks
from gateway.store.dialect import insert, name_of
from gateway.store.onboarding_tables import ONBOARDING_EVENTS
from gateway.store.parties import change as change_party
from gateway.store.rows import AnyRow
from gateway.store.runners import Runner

_E: Final = ONBOARDING_EVENTS.c
_NEWEST: Final = select(func.max(_E.number)).group_by(_E.institution)
_STANDING: Final = select(_E.number, _E.application).where(_E.number.in_(_NEWEST))
_HISTORY: Final = select(ONBOARDING_EVENTS).where(_E.institution == bindparam("whose")).order_by(_E.number)


class OnboardingTables:
    """The part of the store that keeps onboarding."""

    _runner: Runner

    async def registry(self) -> Registry:
        """All applications."""
        return await self._runner.read(registry)

    async def record_move(self, recorded: Recorded, *, now: int) -> bool:
        """A move, if nothing came between."""
        try:
            await self._runner.write(partial(record, recorded=recorded, now=now))
        except _OvertakenError:
            return False
        return True

    async def history(self, institution: str) -> Sequence[Event]:
        """One institution's events."""
        return await self._runner.read(partial(history, institution=institution))


class _OvertakenError(Exception):
    """Another event has the number: the transaction is undone."""


def registry(connection: Connection) -> Registry:
    """The newest event of each institution."""
    rows = connection.execute(_STANDING).all()
    applications = [Application.from_json(json.loads(row.application)) for row in rows]
    return Registry(
        applications=MappingProxyType({each.institution: each for each in applications}),
        number=max((row.number for row in rows), default=0),
    )


@cache
def _appending(dialect: str) -> Any:
    return insert(dialect, ONBOARDING_EVENTS).on_conflict_do_nothing().returning(_E.number)


def record(connection: Connection, *, recorded: Recorded, now: int) -> None:
    """Append the events, and write what goes with them; raises _OvertakenError, and then nothing may stay."""
    statement = _appending(name_of(connection))
    for event in recorded.events:
        if connection.execute(statement, _event_row(event)).first() is None:
            raise _OvertakenError
    ledger = ClockLedger()
    ledger.add(recorded.clocks)
    write_clocks(connection, ledger, now=now)
    _write_standing(connection, recorded, now=now)


def _write_standing(connection: Connection, recorded: Recorded, *, now: int) -> None:
    """The audit row goes with the party's change where there is one."""
    if recorded.standing is None:
        write_audit(connection, recorded.audit, now=now)
        return
    whose, wanted = recorded.events[0].application.institution, PartyChange(standing=recorded.standing)
    change_party(connection, party_id=whose, change=wanted, now=now, audit=recorded.audit)


def history(connection: Connection, *, institution: str) -> list[Event]:
    """One institution's events, the oldest first."""
    return [_event(row) for row in connection.execute(_HISTORY, {"whose": institution})]


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "number": event.number,
        "institution": event.application.institution,
        "move": event.move,
        "actor": event.actor,
        "at": event.at,
        "reason": event.reason,
        "application": json.dumps(event.application.to_json(), ensure_ascii=False),
    }


def _event(row: AnyRow) -> Event:
    return Event(
        number=row.number,
        move=row.move,
        actor=row.actor,
        at=row.at,
        reason=row.reason,
        application=Application.from_json(json.loads(row.application)),
    )
