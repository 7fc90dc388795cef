"""Claims: a worker takes heads that are due, with an attempt row each and a token that fences it (point 5)."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Text, bindparam, exists, insert, select, update

from gateway.core.delivery import State
from gateway.ports import Claimed
from gateway.store.dialect import as_ids, given_ids, name_of
from gateway.store.outbox import LEASE, load_messages
from gateway.store.schema import ATTEMPTS, DELIVERIES, LIVE, WORKERS
from gateway.store.subjects import is_head

AHEAD: Final = 5_000_000
"""Microseconds by which a relay's clock may be ahead of a worker's: what the relay found due is due here too. Were it
not, the wake-up would be spent for nothing, and the row would wait for the sweep. A row that is due later still, by a
clock that jumped, loses its mark instead: it is published again when its time has come."""

_D = DELIVERIES.c
_NOW: Final = bindparam("now", type_=BigInteger())
_WORKER: Final = bindparam("claimer", type_=Text())
_BEATS: Final = exists().where(WORKERS.c.id == _WORKER, WORKERS.c.beat_at > bindparam("oldest", type_=BigInteger()))


@cache
def _unmarking(dialect: str) -> Any:
    early = (_D.worker.is_(None), _D.published_at.is_not(None), _D.due_at > _NOW + AHEAD)
    found = select(_D.id).where(_D.id.in_(given_ids(dialect)), *early).order_by(_D.id)
    locked = found.with_for_update(skip_locked=True, of=DELIVERIES).cte("locked")
    return update(DELIVERIES).where(_D.id.in_(select(locked.c.id))).values(published_at=None)


_START: Final = insert(ATTEMPTS).values(outcome="started")


@cache
def _claiming(dialect: str) -> Any:
    due = (LIVE, _D.due_at <= _NOW + AHEAD, _D.worker.is_(None))
    free = select(_D.id).where(_D.id.in_(given_ids(dialect)), *due, is_head(), _BEATS).order_by(_D.id)
    # A wake-up names its rows and is spent by this claim, so it waits for the moment that the relay's mark, or another
    # worker's claim, holds a row: skipping it would leave the row without a wake-up until the sweep finds it.
    locked = free.with_for_update(of=DELIVERIES).cte("locked")
    raised = {"token": _D.token + 1, "claims": _D.claims + 1, "attempts": _D.attempts + 1}
    claim = update(DELIVERIES).where(_D.id.in_(select(locked.c.id)))
    taken = claim.values(worker=_WORKER, state=State.DELIVERING.value, **raised)
    return taken.returning(_D.id, _D.token, _D.attempts, _D.accepted_at)


def claim(connection: Connection, *, delivery_ids: Collection[int], worker: str, now: int) -> list[Claimed]:
    """Claim those that are claimable heads, due within `AHEAD` and free, for a worker whose beat is fresh."""
    asked = as_ids(delivery_ids) | {"now": now, "claimer": worker, "oldest": now - LEASE}
    rows = {row.id: row for row in connection.execute(_claiming(name_of(connection)), asked)}
    if missed := set(delivery_ids) - rows.keys():
        connection.execute(_unmarking(name_of(connection)), as_ids(missed) | {"now": now})
    if not rows:
        return []
    started = [{"delivery_id": row.id, "number": row.attempts, "started_at": now} for row in rows.values()]
    connection.execute(_START, started)
    return [
        Claimed(
            delivery_id=head.delivery_id,
            token=rows[head.delivery_id].token,
            attempt=rows[head.delivery_id].attempts,
            since=rows[head.delivery_id].accepted_at,
            message=head.message,
        )
        for head in load_messages(connection, sorted(rows))
    ]
