"""What statistics read, a slice at a time: messages by the index on their acceptance, clocks by their row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select, tuple_

from gateway.core.statistics import COUNTED_TYPES, READ_TYPES, UNKNOWN, Happened, kind_of
from gateway.ports.statistics import ClockSlice, MessageSlice
from gateway.store.clock_tables import CLOCKS
from gateway.store.clocks import CLOCK_COLUMNS, clock_of
from gateway.store.rows import AnyRow
from gateway.store.runners import Runner
from gateway.store.schema import MESSAGES, SUBJECTS

_M, _C = MESSAGES.c, CLOCKS.c
_KEY: Final = (_M.received_at, _M.source, _M.id)
_ROWS: Final = (
    select(*_KEY, _M.type, case((_M.type.in_(READ_TYPES), _M.body)).label("body"), SUBJECTS.c.order_json)
    .select_from(MESSAGES.outerjoin(SUBJECTS, SUBJECTS.c.subject == _M.subject))
    .where(_M.type.in_(COUNTED_TYPES))
    .order_by(*_KEY)
)


class StatisticsTables:
    """The part of the store that statistics read."""

    _runner: Runner

    async def count_messages(
        self, *, since: int, until: int, after: tuple[int, str, str] | None, limit: int
    ) -> MessageSlice:
        """A slice of messages."""
        work = partial(count_messages, since=since, until=until, after=after, limit=limit)
        return await self._runner.read(work)

    async def count_clocks(self, *, since: int, until: int, after: int | None, limit: int) -> ClockSlice:
        """A slice of clocks."""
        return await self._runner.read(partial(count_clocks, since=since, until=until, after=after, limit=limit))


def count_messages(
    connection: Connection, *, since: int, until: int, after: tuple[int, str, str] | None, limit: int
) -> MessageSlice:
    """At most `limit` messages of the period that follow `after`."""
    wanted: list[ColumnElement[bool]] = [_M.received_at >= (after[0] if after else since), _M.received_at < until]
    if after is not None:
        wanted.append(tuple_(*_KEY) > tuple_(*after))
    rows = connection.execute(_ROWS.where(*wanted).limit(limit)).all()
    happened = [found for row in rows if (found := _happened(row)) is not None]
    last = rows[-1] if len(rows) == limit else None
    return MessageSlice(happened=happened, after=(last.received_at, last.source, last.id) if last else None)


def count_clocks(connection: Connection, *, since: int, until: int, after: int | None, limit: int) -> ClockSlice:
    """At most `limit` clocks of the period that follow `after`."""
    moved = or_(*(and_(column >= since, column < until) for column in (_C.ended_at, _C.breached_at)))
    rows = connection.execute(
        select(_C.id.label("row_id"), *CLOCK_COLUMNS).where(_C.id > (after or 0), moved).order_by(_C.id).limit(limit)
    ).all()
    return ClockSlice(clocks=[clock_of(row) for row in rows], after=rows[-1].row_id if len(rows) == limit else None)


def _happened(row: AnyRow) -> Happened | None:
    kind = kind_of(row.type, _read(row.body) if row.type in READ_TYPES else {})
    if kind is None:
        return None
    order = json.loads(row.order_json) if row.order_json else {}
    return Happened(
        kind=kind,
        at=row.received_at,
        region=order.get("region") or UNKNOWN,
        institution=order.get("institution") or UNKNOWN,
    )


def _read(body: bytes | None) -> Mapping[str, Any]:
    """The payload; nothing where the body is kept no longer."""
    try:
        data = json.loads(body or b"")["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}
