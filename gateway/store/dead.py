"""Dead letters: replayed as new rows at the tail, or discarded; history stays (architecture point 3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, exists, insert, not_, select, update

from gateway.core.delivery import State
from gateway.ports import Audit
from gateway.store.books import write_audit
from gateway.store.dialect import as_ids, given_ids, name_of
from gateway.store.rows import AnyRow
from gateway.store.schema import DEAD, DELIVERIES, RECEIPTS
from gateway.store.subjects import advance, find_occupied, lock_subjects, wake_next

_D = DELIVERIES.c
_COPIED: Final = (_D.source, _D.message_id, _D.recipient, _D.subject)

_APPEND: Final = insert(DELIVERIES).returning(_D.id)
_LINK: Final = (
    update(DELIVERIES)
    .where(_D.id == bindparam("row", type_=BigInteger()))
    .values(replayed_by=bindparam("successor"), mailed=False)
)


@cache
def _subjects(dialect: str) -> Select[Any]:
    return select(_D.subject).where(_D.id.in_(given_ids(dialect)))


@cache
def _replayable(dialect: str) -> Select[Any]:
    receipted = exists().where(RECEIPTS.c.source == _D.source, RECEIPTS.c.message_id == _D.message_id)
    rows = select(_D.id, *_COPIED).where(_D.id.in_(given_ids(dialect)), DEAD, not_(receipted.correlate(DELIVERIES)))
    return rows.order_by(_D.id).with_for_update(of=DELIVERIES)


def replay(connection: Connection, *, delivery_ids: Sequence[int], now: int, audit: Audit) -> list[int]:
    """A new, linked row for each failed row without a receipt that was not replayed yet."""
    positions = _lock(connection, delivery_ids)
    rows = connection.execute(_replayable(name_of(connection)), as_ids(set(delivery_ids))).all()
    occupied = find_occupied(connection, {(row.recipient, row.subject) for row in rows})
    made = []
    for row in rows:
        positions[row.subject] += 1
        pair = (row.recipient, row.subject)
        due_at = None if pair in occupied else now
        made.append(_append(connection, row, position=positions[row.subject], due_at=due_at, now=now))
        occupied.add(pair)
    advance(connection, {row.subject: positions[row.subject] for row in rows})
    if rows:
        write_audit(connection, audit, now=now)
    return made


def _lock(connection: Connection, delivery_ids: Sequence[int]) -> dict[str, int]:
    subjects = connection.execute(_subjects(name_of(connection)), as_ids(set(delivery_ids))).scalars().all()
    return {subject: position for subject, (position, _) in lock_subjects(connection, subjects).items()}


def _append(connection: Connection, row: AnyRow, *, position: int, due_at: int | None, now: int) -> int:
    copied = {column.name: getattr(row, column.name) for column in _COPIED}
    counts = {"published_times": 0, "token": 0, "claims": 0, "attempts": 0}
    place = {"position": position, "due_at": due_at, "accepted_at": now, "replay_of": row.id}
    fresh = {"state": State.ACCEPTED.value, "mailed": True, "stood": False}
    successor: int = connection.execute(_APPEND, copied | counts | place | fresh).scalar_one()
    connection.execute(_LINK, {"row": row.id, "successor": successor})
    return successor


@cache
def _discardable(dialect: str) -> Select[Any]:
    ours = (_D.id.in_(given_ids(dialect)), _D.replayed_by.is_(None))
    ended = _D.state.in_([State.FAILED.value, State.HELD.value])
    return select(_D.id, _D.recipient, _D.subject).where(*ours, ended).order_by(_D.id).with_for_update()


_DISCARD: Final = (
    update(DELIVERIES)
    .where(_D.id == bindparam("row", type_=BigInteger()))
    .values(state=State.CANCELLED.value, ended_at=bindparam("at"), mailed=False, due_at=None)
)


def discard(connection: Connection, *, delivery_ids: Sequence[int], now: int, audit: Audit) -> int:
    """Failed or held rows become cancelled; what a held one blocked is due."""
    _lock(connection, delivery_ids)
    rows = connection.execute(_discardable(name_of(connection)), as_ids(set(delivery_ids))).all()
    if rows:
        connection.execute(_DISCARD, [{"row": row.id, "at": now} for row in rows])
        wake_next(connection, {(row.recipient, row.subject) for row in rows}, now=now)
        write_audit(connection, audit, now=now)
    return len(rows)
