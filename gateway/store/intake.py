"""Accepts a batch in one transaction: the hot path, a constant number of statements (architecture points 1 and 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.core.order_table import FINAL
from gateway.core.party import GATEWAY
from gateway.core.rule_table import ALERTED
from gateway.ports import Alert
from gateway.store.clocks import begin_clocks, close_breaches, ending_clocks, starting_clocks
from gateway.store.dialect import (
    POSTGRESQL,
    Types,
    as_columns,
    given_columns,
    insert_columns,
    name_of,
)
from gateway.store.posting import raise_alerts
from gateway.store.rows import INSERT_MESSAGE, INSERT_REFUSAL, delivery_row, message_row, refusal_row
from gateway.store.schema import DELIVERIES, MESSAGES, NONCES, SUBJECTS
from gateway.store.subjects import Pair, advancing, as_locked, finding_occupied, lock_subjects, locking_subjects
from gateway.store.together import Call, Rows, run_together
from gateway.store.traces import keeping_traces

_M: Final = MESSAGES.c
_MESSAGE: Final[Types] = {column.name: column.type for column in _M}
_NONCE: Final[Types] = {"serial_no": Text(), "value": Text(), "spent_at": BigInteger()}
_KEY: Final[Types] = {"source": Text(), "id": Text()}

CASE_KEY: Final = "case\x1f"
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
    """Settle a batch in arrival order; the outcomes are true once the transaction is committed.

    What is asked of the database goes in three turns: the subjects' locks; the cases' and what is known under the
    locks; what is written.
    """
    locked = lock_subjects(connection, wanted_subjects(items))
    subjects = {key: _subject(*row) for key, row in locked.items()}
    before = {key: position for key, (position, _) in locked.items()}
    dialect = name_of(connection)
    locking = _locking_cases(dialect, wanted_cases(items, subjects))
    asked = (_spending(dialect, items), _knowing(dialect, items), finding_occupied(dialect, _pairs(items, before)))
    cases, spent, kept, occupied = run_together(connection, (locking, *asked))
    fold = Fold(
        fresh={Nonce(serial_no=serial, value=value) for serial, value in spent},
        known=_known(kept),
        subjects=subjects,
        cases=_cases(cases),
    )
    outcomes = fold.run(items)
    now = max(item.at for item in items)
    begin_clocks(connection, fold.clocks.begun, now=now)
    writing = (*_writing(dialect, fold, {*occupied}, now=now), *_changing(dialect, fold, before))
    ended, *_ = run_together(connection, (ending_clocks(dialect, fold.clocks, now=now), *writing))
    close_breaches(connection, ended, now=now)
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


def _subject(position: int, order_json: str | None) -> Subject:
    return Subject(position=position, order=None if order_json is None else Order.from_json(json.loads(order_json)))


def lock_cases(connection: Connection, numbers: Sequence[str]) -> dict[str, CaseRow]:
    """Cases are locked after all subjects of the batch, so that no two batches wait for each other."""
    (rows,) = run_together(connection, [_locking_cases(name_of(connection), numbers)])
    return _cases(rows)


def _locking_cases(dialect: str, numbers: Sequence[str]) -> Call | None:
    return locking_subjects(dialect, [CASE_KEY + number for number in numbers])


def _cases(rows: Rows) -> dict[str, CaseRow]:
    return {
        key.removeprefix(CASE_KEY): CaseRow(case=None if doc is None else Case.from_json(json.loads(doc)))
        for key, (_, doc) in as_locked(rows).items()
    }


@cache
def _inserting_nonces(dialect: str) -> Any:
    statement = insert_columns(dialect, NONCES, _NONCE)
    return statement.on_conflict_do_nothing().returning(NONCES.c.serial_no, NONCES.c.value)


def _spending(dialect: str, items: Sequence[Item]) -> Call:
    """Insert the batch's nonces, sorted and each once; the rows are those that were fresh."""
    spent = {(item.nonce.serial_no, item.nonce.value): item.at for item in reversed(items)}
    rows = [{"serial_no": serial, "value": value, "spent_at": at} for (serial, value), at in sorted(spent.items())]
    return Call(_inserting_nonces(dialect), as_columns(dialect, _NONCE, rows))


@cache
def _finding_known(dialect: str) -> Select[Any]:
    """Each key looked up by itself, NULL where it is new: a join would be planned over the whole table."""
    keys = given_columns(dialect, _KEY)
    same = and_(MESSAGES.c.source == keys.c.source, MESSAGES.c.id == keys.c.id)
    kept = [select(column).where(same).correlate(keys).scalar_subquery() for column in (_M.digest, _M.receipt)]
    return select(keys.c.source, keys.c.id, *kept)


def _knowing(dialect: str, items: Sequence[Item]) -> Call | None:
    """Those of the batch's ids that are kept already, to be read after the subjects are locked."""
    wanted = [{"source": source, "id": number} for source, number in wanted_ids(items)]
    return Call(_finding_known(dialect), as_columns(dialect, _KEY, wanted)) if wanted else None


def _known(rows: Rows) -> dict[tuple[str, str], Known]:
    found = (row for row in rows if row[2] is not None)
    return {(source, number): Known(digest=digest, receipt=receipt) for source, number, digest, receipt in found}


def _pairs(items: Sequence[Item], before: Mapping[str, int]) -> set[Pair]:
    """Whom messages of the batch may have to wait for: recipients and subjects that had messages before."""
    drafts = [item.draft.message for item in items if item.draft and item.draft.refusal is None]
    return {_pair(message) for message in drafts if message.recipient != GATEWAY and before[message.subject]}


def _pair(message: Message) -> Pair:
    return (message.recipient, message.subject)


def _writing(dialect: str, fold: Fold, occupied: set[Any], *, now: int) -> Iterator[Call | None]:
    """The new messages, their deliveries, what was refused, what they are found by, and the clocks they start."""
    if fold.new:
        yield _inserting_messages(dialect, [row.message for row in fold.new])
        deliveries = [_delivery(row, occupied) for row in fold.new]
        yield Call(_inserting_deliveries(dialect), as_columns(dialect, _DELIVERY, deliveries))
    if fold.rejected:
        yield Call(INSERT_REFUSAL, [refusal_row(rejection) for rejection in fold.rejected])
    yield from keeping_traces(dialect, fold.new)
    yield starting_clocks(dialect, fold.clocks, now=now)


def _inserting_messages(dialect: str, messages: Sequence[Message]) -> Call:
    rows = [message_row(message) for message in messages]
    if dialect != POSTGRESQL:
        return Call(INSERT_MESSAGE, rows)  # JSON, which SQLite would take instead of arrays, holds no bytes
    return Call(_inserting_whole(dialect), as_columns(dialect, _MESSAGE, rows))


@cache
def _inserting_whole(dialect: str) -> Any:
    return insert_columns(dialect, MESSAGES, _MESSAGE)


def _delivery(row: NewDelivery, occupied: set[Pair]) -> dict[str, Any]:
    """The delivery row: due at once where nothing live stands before it, in the database or in this batch."""
    at, pair = row.message.received_at, _pair(row.message)
    due_at = None if pair in occupied else at
    if not row.filed:
        occupied.add(pair)
    return delivery_row(row.message, position=row.position, due_at=due_at, accepted_at=at)


@cache
def _inserting_deliveries(dialect: str) -> Any:
    return insert_columns(dialect, DELIVERIES, _DELIVERY, **_FRESH)


def _changing(dialect: str, fold: Fold, before: dict[str, int]) -> Iterator[Call | None]:
    """Orders and cases that changed, in one statement; where only the position moved, that."""
    changed = {key: subject for key, subject in fold.subjects.items() if subject.changed}
    rows = [_standing(key, subject.position, subject.order) for key, subject in changed.items()]
    rows += [
        _standing(CASE_KEY + number, 0, row.case) for number, row in fold.cases.items() if row.changed and row.case
    ]
    yield _setting(dialect, rows)
    moved = {key: subject.position for key, subject in fold.subjects.items() if subject.position != before[key]}
    yield advancing({key: position for key, position in moved.items() if key not in changed})


def write_orders(connection: Connection, orders: Mapping[str, tuple[int, Order]]) -> None:
    """Write orders whose subjects are locked: by number the last position given and the order."""
    rows = [_standing(key, reached, order) for key, (reached, order) in orders.items()]
    run_together(connection, [_setting(name_of(connection), rows)])


@cache
def _updating_subjects(dialect: str) -> Any:
    rows = given_columns(dialect, _STANDING)
    change = update(SUBJECTS).where(SUBJECTS.c.subject == rows.c.key)
    return change.values(position=rows.c.reached, order_json=rows.c.standing, held_by=rows.c.holder)


def write_cases(connection: Connection, cases: Mapping[str, Case]) -> None:
    """Write cases that are locked, by number."""
    rows = [_standing(CASE_KEY + number, 0, case) for number, case in cases.items()]
    run_together(connection, [_setting(name_of(connection), rows)])


def _setting(dialect: str, rows: Sequence[dict[str, Any]]) -> Call | None:
    """Write what `_standing` made, in one statement."""
    return Call(_updating_subjects(dialect), as_columns(dialect, _STANDING, rows)) if rows else None


def _standing(key: str, reached: int, state: Order | Case | None) -> dict[str, Any]:
    standing = None if state is None else json.dumps(state.to_json(), ensure_ascii=False)
    holder = state.institution if isinstance(state, Order) and state.state not in FINAL else None
    return {"key": key, "reached": reached, "standing": standing, "holder": holder}
