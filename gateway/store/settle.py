"""Writes what workers decided about their claims, where the claim is still theirs (architecture point 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, select, update

from gateway.core.delivery import Decision, Die, GiveBack, Hold, RetryAt, State, Stood
from gateway.ports import Settlement
from gateway.store.clocks import begin_clocks
from gateway.store.dialect import as_ids, given_ids, name_of
from gateway.store.posting import post, raise_alerts
from gateway.store.rows import AnyRow
from gateway.store.schema import ATTEMPTS, DELIVERIES, PARTIES
from gateway.store.subjects import lock_subjects, wake_next

_D = DELIVERIES.c
_OPEN: Final = (
    ATTEMPTS.c.delivery_id == bindparam("row", type_=BigInteger()),
    ATTEMPTS.c.number == bindparam("attempt", type_=BigInteger()),
)
_CLOSE: Final = (
    update(ATTEMPTS)
    .where(*_OPEN)
    .values(
        ended_at=bindparam("at"),
        outcome=bindparam("result"),
        http_status=bindparam("status"),
        code=bindparam("why"),
        text=bindparam("words"),
    )
)
_UNTRY: Final = delete(ATTEMPTS).where(*_OPEN)
_WRITE: Final = (
    update(DELIVERIES)
    .where(_D.id == bindparam("row", type_=BigInteger()))
    .values(
        state=bindparam("next_state"),
        stood=bindparam("stands"),
        due_at=bindparam("due"),
        ended_at=bindparam("ended"),
        claims=bindparam("taken"),
        attempts=bindparam("tried"),
        worker=None,
        published_at=None,
        published_times=0,
    )
)


def settle(connection: Connection, *, settlements: Sequence[Settlement]) -> list[bool]:
    """Write each decision whose (worker, token) still holds its row; True where it counted."""
    locked = lock_subjects(connection, _subjects(connection, settlements))
    settlements = _reconsider(connection, settlements)
    rows = _read(connection, [each.delivery_id for each in settlements])
    counted = [_take(rows, each) for each in settlements]
    valid = [(each, row) for each, row in zip(settlements, counted, strict=True) if row is not None]
    if valid:
        _write(connection, valid)
        _follow(connection, valid, {subject: position for subject, (position, _) in locked.items()})
    return [row is not None for row in counted]


_ADAPTER: Final = select(PARTIES.c.adapter).where(PARTIES.c.id == bindparam("party")).with_for_update(read=True)


def _reconsider(connection: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
    """What would stand for a party that has another adapter by now is given back; the party is held until COMMIT."""
    standing = {each.decision.party: each.decision.adapter for each in settlements if isinstance(each.decision, Stood)}
    moved = {
        party
        for party, adapter in sorted((party, adapter) for party, adapter in standing.items() if party is not None)
        if connection.execute(_ADAPTER, {"party": party}).scalar() not in (adapter, None)
    }
    return [
        replace(each, decision=GiveBack())
        if isinstance(each.decision, Stood) and each.decision.party in moved
        else each
        for each in settlements
    ]


@cache
def _dying(dialect: str) -> Select[Any]:
    return select(_D.subject).where(_D.id.in_(given_ids(dialect)))


def _subjects(connection: Connection, settlements: Sequence[Settlement]) -> set[str]:
    """The subjects to lock: those that get a message, and those of rows that end."""
    subjects = {message.subject for each in settlements for message in each.messages}
    dying = [each.delivery_id for each in settlements if isinstance(each.decision, Die)]
    if dying:
        subjects |= set(connection.execute(_dying(name_of(connection)), as_ids(dying)).scalars())
    return subjects


@cache
def _reading(dialect: str) -> Select[Any]:
    columns = (_D.id, _D.recipient, _D.subject, _D.worker, _D.token, _D.claims, _D.attempts)
    return select(*columns).where(_D.id.in_(given_ids(dialect))).order_by(_D.id).with_for_update()


def _read(connection: Connection, ids: Sequence[int]) -> dict[int, AnyRow]:
    return {row.id: row for row in connection.execute(_reading(name_of(connection)), as_ids(set(ids)))}


def _take(rows: dict[int, AnyRow], settlement: Settlement) -> AnyRow | None:
    """The row that a settlement holds, used up by it; None where the settlement does not count."""
    row = rows.get(settlement.delivery_id)
    if row is None or not holds(row, settlement):
        return None
    return rows.pop(settlement.delivery_id)


def holds(row: AnyRow, settlement: Settlement) -> bool:
    """Whether the claim is still the settlement's own: the fence against workers that stalled."""
    return bool(row.worker == settlement.worker and row.token == settlement.token)


_Valid = Sequence[tuple[Settlement, AnyRow]]


def _write(connection: Connection, valid: _Valid) -> None:
    connection.execute(_WRITE, [_delivery(each, row) for each, row in valid])
    closed = [_attempt(each, row) for each, row in valid if type(each.decision) in _OUTCOMES]
    if closed:
        connection.execute(_CLOSE, closed)
    undone = [{"row": row.id, "attempt": row.attempts} for each, row in valid if isinstance(each.decision, GiveBack)]
    if undone:
        connection.execute(_UNTRY, undone)


# How the attempt is closed; one that stands in the mailbox stays open until its receipt.
_OUTCOMES: Final = {RetryAt: "retry", Hold: "held", Die: "retry"}


def _attempt(settlement: Settlement, row: AnyRow) -> dict[str, Any]:
    return {
        "row": row.id,
        "attempt": row.attempts,
        "at": settlement.at,
        "result": _OUTCOMES[type(settlement.decision)],
        "status": settlement.http_status,
        "why": settlement.code,
        "words": settlement.text,
    }


def _delivery(settlement: Settlement, row: AnyRow) -> dict[str, Any]:
    """The row after the decision."""
    base = {"row": row.id, "tried": row.attempts, "taken": 0, "stands": False, "due": None, "ended": None}
    return base | _changes(settlement.decision, settlement.at, row)


def _changes(decision: Decision, at: int, row: AnyRow) -> dict[str, Any]:
    match decision:
        case RetryAt(due_at=due_at):
            return {"next_state": State.DELIVERING.value, "due": due_at}
        case Hold():
            return {"next_state": State.HELD.value}
        case Die():
            return {"next_state": State.FAILED.value, "ended": at}
        case Stood():
            return {"next_state": State.DELIVERING.value, "stands": True}
        case GiveBack():
            state = State.DELIVERING if row.attempts > 1 else State.ACCEPTED
            return {"next_state": state.value, "due": at, "tried": row.attempts - 1, "taken": row.claims - 1}


def _follow(connection: Connection, valid: _Valid, positions: dict[str, int]) -> None:
    """What a counting settlement brings about: the next rows, clocks, the gateway's own messages, alerts."""
    last = max(each.at for each, _ in valid)
    ended = {(row.recipient, row.subject) for each, row in valid if isinstance(each.decision, Die)}
    wake_next(connection, ended, now=last)
    begun = [each.begins for each, _ in valid if each.begins is not None and isinstance(each.decision, Stood)]
    if begun:
        begin_clocks(connection, begun, now=last)
    post(connection, [message for each, _ in valid for message in each.messages], positions, now=last)
    raise_alerts(connection, [alert for each, _ in valid for alert in each.alerts], now=last)
