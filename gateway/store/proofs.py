"""Records good receipts: the first one closes the delivery, whoever holds it (protocol section 6, point 5).

Receipts that come together are recorded together, in a constant number of statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, Text, and_, bindparam, insert, select, update

from gateway.core.delivery import State
from gateway.ports import Missing, Proof, ProofResult
from gateway.store.clocks import begin_clocks
from gateway.store.dialect import Types, as_given, as_ids, given, given_ids, name_of
from gateway.store.posting import post, raise_alerts
from gateway.store.rows import AnyRow
from gateway.store.schema import ATTEMPTS, DELIVERIES, RECEIPTS
from gateway.store.subjects import lock_subjects, wake_next

_D = DELIVERIES.c
_KEY: Final[Types] = {"source": Text(), "id": Text()}
_ROW: Final = bindparam("row", type_=BigInteger())
_STATES: Final = {"ACCEPTED": State.DELIVERED, "REFUSED": State.FAILED}
_OUTCOMES: Final = {"ACCEPTED": "delivered", "REFUSED": "refused"}
_PLAIN: Final = tuple(column.name for column in RECEIPTS.c if column.name not in {"id", "source", "message_id"})

Key = tuple[str, str]
Result = ProofResult | Exception

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
    .where(ATTEMPTS.c.delivery_id == _ROW, ATTEMPTS.c.number == bindparam("attempt", type_=BigInteger()))
    .values(
        ended_at=bindparam("at"),
        outcome=bindparam("result"),
        http_status=bindparam("status"),
        code=bindparam("why"),
        text=bindparam("words"),
    )
)
_ADD: Final = insert(ATTEMPTS)


@dataclass(slots=True, kw_only=True)
class _Writes:
    """What a batch of receipts changes."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    finished: list[dict[str, Any]] = field(default_factory=list)
    closed: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    ended: set[tuple[str, str]] = field(default_factory=set)


def prove(connection: Connection, *, proof: Proof) -> ProofResult:
    """Record one good receipt. Raises Missing where there is no such delivery."""
    (result,) = prove_all(connection, proofs=[proof])
    if isinstance(result, Exception):
        raise result
    return result


def prove_all(connection: Connection, *, proofs: Sequence[Proof]) -> list[Result]:
    """Record good receipts in their order; Missing stands for a delivery that is not there."""
    named = _find_named(connection, proofs)
    locked = lock_subjects(connection, _subjects(named.values(), proofs))
    keys = {(row.source, row.message_id) for row in named.values()}
    chains, first = _read_chains(connection, keys), _read_first(connection, keys)
    results: list[Result] = []
    recorded, writes = list[Proof](), _Writes()
    for proof in proofs:
        row = named.get(proof.delivery_id)
        result = Missing(f"delivery {proof.delivery_id}") if row is None else _judge(row, proof, first)
        if row is not None and result is ProofResult.RECORDED:
            recorded.append(proof)
            _plan(writes, (row.source, row.message_id), chains[(row.source, row.message_id)], proof)
        results.append(result)
    if recorded:
        _write(connection, writes, now=max(proof.at for proof in recorded))
        _follow(connection, recorded, {subject: last for subject, (last, _) in locked.items()})
    return results


@cache
def _naming(dialect: str) -> Select[Any]:
    return select(_D.id, _D.source, _D.message_id, _D.subject).where(_D.id.in_(given_ids(dialect)))


def _find_named(connection: Connection, proofs: Sequence[Proof]) -> dict[int, AnyRow]:
    ids = as_ids({proof.delivery_id for proof in proofs})
    return {row.id: row for row in connection.execute(_naming(name_of(connection)), ids)}


def _subjects(named: Iterable[AnyRow], proofs: Sequence[Proof]) -> set[str]:
    return {row.subject for row in named} | {message.subject for proof in proofs for message in proof.messages}


@cache
def _chaining(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    mine = and_(_D.source == keys.c.source, _D.message_id == keys.c.id)
    last = and_(ATTEMPTS.c.delivery_id == _D.id, ATTEMPTS.c.number == _D.attempts)
    columns = (_D.id, _D.source, _D.message_id, _D.recipient, _D.subject, _D.state, _D.attempts, _D.replayed_by)
    rows = select(*columns, ATTEMPTS.c.outcome).select_from(keys.join(DELIVERIES, mine).outerjoin(ATTEMPTS, last))
    return rows.order_by(_D.id).with_for_update(of=DELIVERIES)


def _read_chains(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[AnyRow]]:
    """Each message's deliveries, locked, each with the outcome of its last attempt."""
    chains: dict[Key, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(_chaining(name_of(connection)), _as_keys(keys)):
        chains[(row.source, row.message_id)].append(row)
    return chains


Verdict = tuple[str, str | None, str | None]


@cache
def _firsts(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    same = and_(RECEIPTS.c.source == keys.c.source, RECEIPTS.c.message_id == keys.c.id)
    columns = (RECEIPTS.c.source, RECEIPTS.c.message_id, RECEIPTS.c.status, RECEIPTS.c.code, RECEIPTS.c.text)
    return select(*columns).select_from(keys.join(RECEIPTS, same))


def _read_first(connection: Connection, keys: Iterable[Key]) -> dict[Key, Verdict]:
    rows = connection.execute(_firsts(name_of(connection)), _as_keys(keys))
    return {(row.source, row.message_id): (row.status, row.code, row.text) for row in rows}


def _judge(row: AnyRow, proof: Proof, first: dict[Key, Verdict]) -> ProofResult:
    """The first receipt stands; a later one names the same id and digest, or it would not be good."""
    verdict: Verdict = (proof.status, proof.code, proof.text)
    key = (row.source, row.message_id)
    if key not in first:
        first[key] = verdict
        return ProofResult.RECORDED
    return ProofResult.SAME if first[key] == verdict else ProofResult.CONFLICT


def _plan(writes: _Writes, key: Key, chain: Sequence[AnyRow], proof: Proof) -> None:
    """Close the row that the receipt names and the last of its chain; what lies between is history."""
    plain = {name: getattr(proof, name) for name in _PLAIN}
    writes.receipts.append({"source": key[0], "message_id": key[1]} | plain)
    for row in chain:
        if row.id == proof.delivery_id or row.replayed_by is None:
            _finish(writes, row, proof)


def _finish(writes: _Writes, row: AnyRow, proof: Proof) -> None:
    opened = row.outcome == "started"
    added = not opened and row.id == proof.delivery_id
    if opened:
        writes.closed.append({"row": row.id, "attempt": row.attempts} | _result(proof))
    if added:
        writes.added.append(_attempt_row(row, proof))
    state = row.state if row.state == State.CANCELLED else _STATES[proof.status].value
    tried = row.attempts + added
    writes.finished.append({"row": row.id, "next_state": state, "ended": proof.at, "tried": tried})
    writes.ended.add((row.recipient, row.subject))


def _result(proof: Proof) -> dict[str, Any]:
    ended = {"at": proof.at, "result": _OUTCOMES[proof.status]}
    return ended | {"status": proof.http_status, "why": proof.code, "words": proof.text}


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


def _write(connection: Connection, writes: _Writes, *, now: int) -> None:
    steps = (
        (_RECORD, writes.receipts),
        (_CLOSE, writes.closed),
        (_ADD, writes.added),
        (_FINISH, writes.finished),
    )
    for statement, rows in steps:
        if rows:
            connection.execute(statement, rows)
    wake_next(connection, writes.ended, now=now)


def _follow(connection: Connection, recorded: Sequence[Proof], positions: dict[str, int]) -> None:
    now = max(proof.at for proof in recorded)
    begun = [proof.begins for proof in recorded if proof.begins is not None]
    if begun:
        begin_clocks(connection, begun, now=now)
    post(connection, [message for proof in recorded for message in proof.messages], positions, now=now)
    raise_alerts(connection, [alert for proof in recorded for alert in proof.alerts], now=now)


def _as_keys(keys: Iterable[Key]) -> dict[str, str]:
    return as_given({"source": source, "id": number} for source, number in sorted(keys))
