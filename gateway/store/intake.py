"""Accepts a batch in one transaction: the hot path, a constant number of statements (architecture points 1 and 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Select, Text, and_, select, update

from gateway.core.case import Case
from gateway.core.intake import (
    Accepted,
    CaseRow,
    Fold,
    Item,
    Known,
    NewDelivery,
    Nonce,
    Outcome,
    Subject,
    wanted_cases,
    wanted_ids,
    wanted_subjects,
)
from gateway.core.order import Order
from gateway.core.order_table import FINAL
from gateway.core.rule_table import ALERTED
from gateway.ports import Alert
from gateway.store.clocks import write_clocks
from gateway.store.dialect import Types, as_given, given, insert_given, name_of
from gateway.store.posting import raise_alerts
from gateway.store.rows import INSERT_MESSAGE, INSERT_REFUSAL, delivery_row, message_row, refusal_row
from gateway.store.schema import DELIVERIES, MESSAGES, NONCES, SUBJECTS
from gateway.store.subjects import Pair, advance, find_occupied, lock_subjects
from gateway.store.traces import keep_traces

_NONCE: Final[Types] = {"serial_no": Text(), "value": Text(), "spent_at": BigInteger()}
_KEY: Final[Types] = {"source": Text(), "id": Text()}

_CASE: Final = "case\x1f"
"""Before a case's number it makes the key of its row; no subject of a message holds a control character."""

_DELIVERY: Final[Types] = {
    "source": Text(),
    "message_id": Text(),
    "recipient": Text(),
    "subject": Text(),
    "position": BigInteger(),
    "state": Text(),
    "mailed": Boolean(),
    "due_at": BigInteger(),
    "accepted_at": BigInteger(),
    "ended_at": BigInteger(),
}
_FRESH: Final = {"stood": False, "published_times": 0, "token": 0, "claims": 0, "attempts": 0}
_STANDING: Final[Types] = {"key": Text(), "reached": BigInteger(), "standing": Text(), "holder": Text()}


def accept(connection: Connection, *, items: Sequence[Item]) -> list[Outcome]:
    """Settle a batch in arrival order; the outcomes are true once the transaction is committed."""
    fresh = _spend(connection, items)
    locked = lock_subjects(connection, wanted_subjects(items))
    subjects = {key: _subject(*row) for key, row in locked.items()}
    before = {key: position for key, (position, _) in locked.items()}
    cases = lock_cases(connection, wanted_cases(items, subjects))
    fold = Fold(fresh=fresh, known=_find_known(connection, items), subjects=subjects, cases=cases)
    outcomes = fold.run(items)
    _write(connection, fold.new, before)
    _write_states(connection, subjects, cases, before)
    write_clocks(connection, fold.clocks)
    if fold.rejected:
        connection.execute(INSERT_REFUSAL, [refusal_row(rejection) for rejection in fold.rejected])
    _alert(connection, zip(items, outcomes, strict=True))
    return outcomes


def _alert(connection: Connection, settled: Iterable[tuple[Item, Outcome]]) -> None:
    """Alerts of rules that only warn, but of which people must hear (domain section 4)."""
    alerts = [
        (item.at, Alert(code=ALERTED[fault.rule], about="/".join(item.draft.message.key), text=fault.message))
        for item, outcome in settled
        if isinstance(outcome, Accepted) and item.draft is not None
        for fault in outcome.warnings
        if fault.rule in ALERTED
    ]
    if alerts:
        raise_alerts(connection, [alert for _, alert in alerts], now=max(at for at, _ in alerts))


@cache
def _spending(dialect: str) -> Any:
    statement = insert_given(dialect, NONCES, _NONCE)
    return statement.on_conflict_do_nothing().returning(NONCES.c.serial_no, NONCES.c.value)


def _spend(connection: Connection, items: Sequence[Item]) -> set[Nonce]:
    """Insert the batch's nonces, sorted and each once; those that were fresh."""
    spent = {(item.nonce.serial_no, item.nonce.value): item.at for item in reversed(items)}
    rows = [{"serial_no": serial, "value": value, "spent_at": at} for (serial, value), at in sorted(spent.items())]
    fresh = connection.execute(_spending(name_of(connection)), as_given(rows))
    return {Nonce(serial_no=serial, value=value) for serial, value in fresh}


def _subject(position: int, order_json: str | None) -> Subject:
    return Subject(position=position, order=None if order_json is None else Order.from_json(json.loads(order_json)))


def lock_cases(connection: Connection, numbers: Sequence[str]) -> dict[str, CaseRow]:
    """Cases are locked after all subjects of the batch, so that no two batches wait for each other."""
    locked = lock_subjects(connection, [_CASE + number for number in numbers])
    return {
        key.removeprefix(_CASE): CaseRow(case=None if doc is None else Case.from_json(json.loads(doc)))
        for key, (_, doc) in locked.items()
    }


@cache
def _knowing(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    same = and_(MESSAGES.c.source == keys.c.source, MESSAGES.c.id == keys.c.id)
    return select(MESSAGES.c.source, MESSAGES.c.id, MESSAGES.c.digest, MESSAGES.c.receipt).select_from(
        keys.join(MESSAGES, same)
    )


def _find_known(connection: Connection, items: Sequence[Item]) -> dict[tuple[str, str], Known]:
    """The batch's ids that are kept already, read after the subjects are locked."""
    wanted = wanted_ids(items)
    if not wanted:
        return {}
    rows = connection.execute(_knowing(name_of(connection)), as_given({"source": s, "id": i} for s, i in wanted))
    return {(source, number): Known(digest=digest, receipt=receipt) for source, number, digest, receipt in rows}


def _write(connection: Connection, new: Sequence[NewDelivery], before: dict[str, int]) -> None:
    if not new:
        return
    occupied = find_occupied(connection, {_pair(row) for row in new if not row.filed and before[row.message.subject]})
    connection.execute(INSERT_MESSAGE, [message_row(row.message) for row in new])
    connection.execute(_delivering(name_of(connection)), as_given(_delivery(row, occupied) for row in new))
    keep_traces(connection, new)


def _pair(row: NewDelivery) -> Pair:
    return (row.message.recipient, row.message.subject)


def _delivery(row: NewDelivery, occupied: set[Pair]) -> dict[str, Any]:
    """The delivery row: due at once where nothing live stands before it, in the database or in this batch."""
    at = row.message.received_at
    due_at = None if _pair(row) in occupied else at
    if not row.filed:
        occupied.add(_pair(row))
    whole = delivery_row(row.message, position=row.position, due_at=due_at, accepted_at=at)
    return {name: whole[name] for name in _DELIVERY}


@cache
def _delivering(dialect: str) -> Any:
    return insert_given(dialect, DELIVERIES, _DELIVERY, **_FRESH)


@cache
def _changing(dialect: str) -> Any:
    rows = given(dialect, _STANDING)
    change = update(SUBJECTS).where(SUBJECTS.c.subject == rows.c.key)
    return change.values(position=rows.c.reached, order_json=rows.c.standing, held_by=rows.c.holder)


def _write_states(
    connection: Connection, subjects: dict[str, Subject], cases: dict[str, CaseRow], before: dict[str, int]
) -> None:
    """Orders and cases that changed, in one statement; where only the position moved, that."""
    changed = {key: subject for key, subject in subjects.items() if subject.changed}
    rows = [_standing(key, subject.position, subject.order) for key, subject in changed.items()]
    rows += [_standing(_CASE + number, 0, row.case) for number, row in cases.items() if row.changed and row.case]
    _write_rows(connection, rows)
    moved = {key: subject.position for key, subject in subjects.items() if subject.position != before[key]}
    advance(connection, {key: position for key, position in moved.items() if key not in changed})


def write_orders(connection: Connection, orders: Mapping[str, tuple[int, Order]]) -> None:
    """Write orders whose subjects are locked: by number the last position given and the order."""
    _write_rows(connection, [_standing(key, reached, order) for key, (reached, order) in orders.items()])


def write_cases(connection: Connection, cases: Mapping[str, Case]) -> None:
    """Write cases that are locked, by number."""
    _write_rows(connection, [_standing(_CASE + number, 0, case) for number, case in cases.items()])


def _write_rows(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write what `_standing` made, in one statement."""
    if rows:
        connection.execute(_changing(name_of(connection)), as_given(rows))


def _standing(key: str, reached: int, state: Order | Case | None) -> dict[str, Any]:
    standing = None if state is None else json.dumps(state.to_json(), ensure_ascii=False)
    holder = state.institution if isinstance(state, Order) and state.state not in FINAL else None
    return {"key": key, "reached": reached, "standing": standing, "holder": holder}
