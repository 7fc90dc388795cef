"""Records good receipts: the first one closes the delivery, whoever holds it (protocol section 6, point 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, insert, select, update

from gateway.core.delivery import State
from gateway.ports import Missing, Proof, ProofResult
from gateway.store.posting import post, raise_alerts
from gateway.store.rows import AnyRow
from gateway.store.schema import ATTEMPTS, DELIVERIES, RECEIPTS
from gateway.store.subjects import lock_subjects, wake_next

_D = DELIVERIES.c
_ROW: Final = bindparam("row", type_=BigInteger())
_STATES: Final = {"ACCEPTED": State.DELIVERED, "REFUSED": State.FAILED}
_OUTCOMES: Final = {"ACCEPTED": "delivered", "REFUSED": "refused"}
_PLAIN: Final = tuple(column.name for column in RECEIPTS.c if column.name not in {"source", "message_id"})

_NAMED: Final = select(_D.source, _D.message_id, _D.subject).where(_D.id == _ROW)
_CHAIN: Final = (
    select(_D.id, _D.recipient, _D.subject, _D.state, _D.attempts, _D.ended_at, _D.replayed_by)
    .where(_D.source == bindparam("whose"), _D.message_id == bindparam("which"))
    .order_by(_D.id)
    .with_for_update()
)
_FIRST: Final = select(RECEIPTS.c.status, RECEIPTS.c.code, RECEIPTS.c.text).where(
    RECEIPTS.c.source == bindparam("whose"), RECEIPTS.c.message_id == bindparam("which")
)
_RECORD: Final = insert(RECEIPTS)
_FINISH: Final = (
    update(DELIVERIES)
    .where(_D.id == _ROW)
    .values(
        state=bindparam("next_state"),
        ended_at=bindparam("ended"),
        attempts=bindparam("tried"),
        mailed=False,
        stood=False,
        due_at=None,
        worker=None,
        published_at=None,
        published_times=0,
        claims=0,
    )
)
_CLOSE: Final = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.delivery_id == _ROW, ATTEMPTS.c.outcome == "started")
    .values(
        ended_at=bindparam("at"),
        outcome=bindparam("result"),
        http_status=bindparam("status"),
        code=bindparam("why"),
        text=bindparam("words"),
    )
)
_ADD: Final = insert(ATTEMPTS)


def prove(connection: Connection, *, proof: Proof) -> ProofResult:
    """Record a good receipt. Raises Missing where there is no such delivery."""
    named = connection.execute(_NAMED, {"row": proof.delivery_id}).first()
    if named is None:
        raise Missing(f"delivery {proof.delivery_id}")
    locked = lock_subjects(connection, {named.subject, *(message.subject for message in proof.messages)})
    key = {"whose": named.source, "which": named.message_id}
    chain = connection.execute(_CHAIN, key).all()
    first = connection.execute(_FIRST, key).first()
    if first is not None:
        return _compare(first, proof)
    connection.execute(_RECORD, _receipt_row(named, proof))
    _close(connection, chain, proof)
    post(connection, proof.messages, {subject: last for subject, (last, _) in locked.items()}, now=proof.at)
    raise_alerts(connection, proof.alerts, now=proof.at)
    return ProofResult.RECORDED


def _compare(first: AnyRow, proof: Proof) -> ProofResult:
    """The first receipt stands; it names the same id and digest, or it would not be good."""
    same = (first.status, first.code, first.text) == (proof.status, proof.code, proof.text)
    return ProofResult.SAME if same else ProofResult.CONFLICT


def _receipt_row(named: AnyRow, proof: Proof) -> dict[str, Any]:
    return {"source": named.source, "message_id": named.message_id} | {name: getattr(proof, name) for name in _PLAIN}


def _close(connection: Connection, chain: Sequence[AnyRow], proof: Proof) -> None:
    """Close the row that the receipt names and the last of its chain; what lies between is history."""
    for row in chain:
        if row.id == proof.delivery_id or row.replayed_by is None:
            _finish(connection, row, proof)
    ended = {(row.recipient, row.subject) for row in chain if row.ended_at is None}
    wake_next(connection, ended, now=proof.at)


def _finish(connection: Connection, row: AnyRow, proof: Proof) -> None:
    closed = connection.execute(_CLOSE, {"row": row.id, "at": proof.at} | _result(proof)).rowcount
    added = 1 if not closed and row.id == proof.delivery_id else 0
    if added:
        connection.execute(_ADD, _attempt_row(row, proof))
    state = row.state if row.state == State.CANCELLED else _STATES[proof.status].value
    tried = row.attempts + added
    connection.execute(_FINISH, {"row": row.id, "next_state": state, "ended": proof.at, "tried": tried})


def _result(proof: Proof) -> dict[str, Any]:
    result = _OUTCOMES[proof.status]
    return {"result": result, "status": proof.http_status, "why": proof.code, "words": proof.text}


def _attempt_row(row: AnyRow, proof: Proof) -> dict[str, Any]:
    """An attempt of its own for a receipt that came when none was open."""
    return {
        "delivery_id": row.id,
        "number": row.attempts + 1,
        "started_at": proof.at,
        "ended_at": proof.at,
        "outcome": _OUTCOMES[proof.status],
        "http_status": proof.http_status,
        "code": proof.code,
        "text": proof.text,
    }
