"""Wake-ups that got lost: published, unclaimed, and older than the wait allows (architecture point 4)."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, cast, func, select, update

from gateway.store.schema import DELIVERIES, OUT
from gateway.store.subjects import is_head

FIRST_WAIT: Final = 30_000_000
"""Microseconds after the first wake-up; doubled with each further one."""

_D = DELIVERIES.c
_NOW: Final = bindparam("now", type_=BigInteger())
_WAIT: Final = cast(FIRST_WAIT, BigInteger).op("<<")(_D.published_times - 1)
_LATE: Final = (
    OUT,
    _D.due_at <= _NOW,
    _D.published_at <= bindparam("oldest", type_=BigInteger()),
    _D.published_at <= _NOW - _WAIT,
)

_STALE: Final = select(_D.recipient).where(*_LATE).distinct()
_HEADS_OUT: Final = select(_D.recipient, func.count()).where(OUT, _D.due_at <= _NOW, is_head()).group_by(_D.recipient)


def stale(connection: Connection, *, now: int) -> dict[str, int]:
    """Recipients with late wake-ups → how many of their heads have a wake-up on the bus, lost or not."""
    late = set(connection.execute(_STALE, _times(now)).scalars())
    if not late:
        return {}
    return {recipient: heads for recipient, heads in connection.execute(_HEADS_OUT, {"now": now}) if recipient in late}


def _republishing() -> Any:
    late = select(_D.id).where(_D.recipient == bindparam("whose"), *_LATE).order_by(_D.published_at, _D.id)
    found = late.limit(bindparam("most")).with_for_update(skip_locked=True).cte("found")
    return update(DELIVERIES).where(_D.id.in_(select(found.c.id))).values(published_at=None).returning(_D.id)


_REPUBLISH: Final = _republishing()


def republish(connection: Connection, *, recipient: str, limit: int, now: int) -> int:
    """Take back the published marks of late wake-ups, oldest first; their count of times stands."""
    rows = connection.execute(_REPUBLISH, _times(now) | {"whose": recipient, "most": limit})
    return len(rows.all())


def _times(now: int) -> dict[str, Any]:
    return {"now": now, "oldest": now - FIRST_WAIT}
