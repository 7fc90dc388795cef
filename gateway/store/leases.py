"""Workers' beats, and what becomes of their claims when they leave or die (architecture point 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, exists, not_, select, update

from gateway.core.delivery import CLAIMS_BEFORE_PARKING, State
from gateway.ports import Alert, Swept
from gateway.store.dialect import insert, name_of
from gateway.store.outbox import LEASE
from gateway.store.posting import raise_alerts
from gateway.store.rows import AnyRow
from gateway.store.schema import ATTEMPTS, DELIVERIES, LEASED, WAITS, WORKERS
from gateway.store.subjects import is_head

_SWEEP: Final = 1000
_FORGOTTEN: Final = 3_600_000_000

_D = DELIVERIES.c
_ROW: Final = bindparam("row", type_=BigInteger())
_NUMBER: Final = bindparam("attempt", type_=BigInteger())
_OPEN: Final = (ATTEMPTS.c.delivery_id == _ROW, ATTEMPTS.c.number == _NUMBER)


@cache
def _beating(dialect: str) -> Any:
    statement = insert(dialect, WORKERS)
    return statement.on_conflict_do_update(index_elements=["id"], set_={"beat_at": statement.excluded.beat_at})


def beat(connection: Connection, *, worker: str, now: int) -> None:
    """The worker lives."""
    connection.execute(_beating(name_of(connection)), {"id": worker, "beat_at": now})


_HELD: Final = (
    select(_D.id, _D.attempts, _D.claims)
    .where(LEASED, _D.worker == bindparam("leaver"))
    .order_by(_D.id)
    .with_for_update()
)
_GIVE_BACK: Final = (
    update(DELIVERIES)
    .where(_D.id == _ROW)
    .values(
        worker=None,
        published_at=None,
        published_times=0,
        due_at=bindparam("due"),
        attempts=bindparam("tried"),
        claims=bindparam("taken"),
        state=bindparam("next_state"),
    )
)
_UNTRY: Final = delete(ATTEMPTS).where(*_OPEN)


def release(connection: Connection, *, worker: str, now: int, keep: Collection[int] | None = None) -> int:
    """Give back what this worker holds, but for `keep`, at no attempt's cost; without `keep`, forget the worker."""
    rows = [row for row in connection.execute(_HELD, {"leaver": worker}) if row.id not in (keep or ())]
    if rows:
        connection.execute(_GIVE_BACK, [_given_back(row, now) for row in rows])
        connection.execute(_UNTRY, [{"row": row.id, "attempt": row.attempts} for row in rows])
    if keep is None:
        connection.execute(delete(WORKERS).where(WORKERS.c.id == worker))
    return len(rows)


def _given_back(row: AnyRow, now: int) -> dict[str, Any]:
    state = State.DELIVERING if row.attempts > 1 else State.ACCEPTED
    counts = {"tried": row.attempts - 1, "taken": row.claims - 1}
    return {"row": row.id, "due": now, "next_state": state.value} | counts


def sweep(connection: Connection, *, now: int) -> Swept:
    """Take back rows of dead workers, park those that killed too many, mend heads that wait for nothing."""
    lost, parked = take_back_lost(connection, now=now)
    unblocked = _mend(connection, now=now)
    connection.execute(delete(WORKERS).where(WORKERS.c.beat_at < now - _FORGOTTEN))
    return Swept(lost=lost, parked=parked, unblocked=unblocked)


def void_leases(connection: Connection, *, now: int) -> Swept:
    """No worker of before lives: take back all claims at once."""
    connection.execute(delete(WORKERS))
    return sweep(connection, now=now)


def _orphans() -> Select[Any]:
    alive = exists().where(WORKERS.c.id == _D.worker, WORKERS.c.beat_at > bindparam("oldest", type_=BigInteger()))
    rows = select(_D.id, _D.attempts, _D.claims, _D.source, _D.message_id).where(LEASED, not_(alive))
    # In the order of the index of leased rows: by id alone SQLite would read the whole table in that order.
    return rows.order_by(_D.worker, _D.id).limit(_SWEEP).with_for_update(skip_locked=True, of=DELIVERIES)


_ORPHANS: Final = _orphans()
_LOSE: Final = (
    update(ATTEMPTS)
    .where(*_OPEN)
    .values(outcome="retry", code="WORKER_LOST", text="处理该报文的进程中断，将重新投递。", ended_at=bindparam("at"))
)


def take_back_lost(connection: Connection, *, now: int) -> tuple[list[int], list[int]]:
    """Rows of dead workers: those due again, and those parked after five claims without an outcome."""
    rows = connection.execute(_ORPHANS, {"oldest": now - LEASE}).all()
    if not rows:
        return [], []
    connection.execute(_LOSE, [{"row": row.id, "attempt": row.attempts, "at": now} for row in rows])
    connection.execute(_GIVE_BACK, [_taken_back(row, now) for row in rows])
    parked = [row for row in rows if _is_spent(row)]
    raise_alerts(connection, [_parked_alert(row) for row in parked], now=now)
    return [row.id for row in rows if not _is_spent(row)], [row.id for row in parked]


def _is_spent(row: AnyRow) -> bool:
    return bool(row.claims >= CLAIMS_BEFORE_PARKING)


def _taken_back(row: AnyRow, now: int) -> dict[str, Any]:
    state, due = (State.HELD, None) if _is_spent(row) else (State.DELIVERING, now)
    return {"row": row.id, "due": due, "next_state": state.value, "tried": row.attempts, "taken": row.claims}


def _parked_alert(row: AnyRow) -> Alert:
    text = f"报文 {row.source}/{row.message_id} 五次投递均因进程中断而无结果，已挂起；请排查后恢复该机构或作废。"
    return Alert(code="DELIVERY_PARKED", about=str(row.id), text=text)


def _mending() -> Any:
    waiting = select(_D.id).where(WAITS, is_head()).order_by(_D.id).limit(_SWEEP)
    found = waiting.with_for_update(skip_locked=True, of=DELIVERIES).cte("found")
    mend = update(DELIVERIES).where(_D.id.in_(select(found.c.id))).values(due_at=bindparam("now"))
    return mend.returning(_D.id)


_MEND: Final = _mending()


def _mend(connection: Connection, *, now: int) -> Sequence[int]:
    return sorted(connection.execute(_MEND, {"now": now}).scalars())
