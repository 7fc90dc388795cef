"""Which calendar counts, and the open clocks that were reckoned with another one (ADR 0026)."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Integer, Select, Text, bindparam, insert, select

from gateway.core.legal_clock import LegalClock
from gateway.store.clock_tables import CALENDARS, CLOCKS, RECKONED
from gateway.store.clocks import CLOCK_COLUMNS, clock_of

_C: Final = CLOCKS.c
_VERSION: Final = bindparam("version", type_=Text())
_LAST: Final = select(CALENDARS.c.version).order_by(CALENDARS.c.id.desc()).limit(1)


def _finding(which: Any) -> Select[Any]:
    found = select(*CLOCK_COLUMNS).where(RECKONED, which).order_by(_C.calendar, _C.id)
    return found.limit(bindparam("most", type_=Integer()))


# Apart, for an index finds what is less or greater than a value, and nothing that differs from it.
OUTDATED: Final = (_finding(_C.calendar < _VERSION), _finding(_C.calendar > _VERSION))


def adopted_calendar(connection: Connection) -> str | None:
    """The version adopted last."""
    return connection.execute(_LAST).scalar_one_or_none()


def adopt_calendar(connection: Connection, *, version: str, now: int) -> bool:
    """Write down that this calendar counts, unless it does already."""
    if adopted_calendar(connection) == version:
        return False
    connection.execute(insert(CALENDARS).values(version=version, adopted_at=now))
    return True


def outdated_clocks(connection: Connection, *, version: str, limit: int) -> list[LegalClock]:
    """Open clocks that count working days by another calendar."""
    found: list[LegalClock] = []
    for statement in OUTDATED:
        rows = connection.execute(statement, {"version": version, "most": limit - len(found)})
        found += [clock_of(row) for row in rows]
    return found
