"""Thresholds fired once each, with the messages, alerts and state changes that they bring (architecture point 11).

A firing was decided on what was read before; it counts only if clock and order still stand so under their locks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, Select, Text, bindparam, exists, select

from gateway.core.intake import CaseRow
from gateway.core.legal_clock import LegalClock
from gateway.core.order import Order
from gateway.core.sla import ClockLedger
from gateway.ports import DueClock, Firing
from gateway.store.clock_tables import AIMED, CLOCK_WARNINGS, CLOCKS, OPEN
from gateway.store.clocks import CLOCK_COLUMNS, clock_of, move_clocks, write_clocks
from gateway.store.dialect import Types, as_columns, as_given, given, insert_columns, name_of
from gateway.store.intake import lock_cases, write_cases, write_orders
from gateway.store.posting import post, raise_alerts
from gateway.store.schema import SUBJECTS
from gateway.store.subjects import lock_subjects

_C: Final = CLOCKS.c
_NUMBER: Final[Types] = {"number": Text()}
_WARNING: Final[Types] = {"clock": Text(), "percent": Integer(), "fired_at": BigInteger()}
_MOST: Final = bindparam("most", type_=Integer())

_PAY: Final = CLOCKS.alias("pay")
_UNDELIVERED: Final = exists().where(
    _PAY.c.scope == _C.scope, _PAY.c.rule == "pay", _PAY.c.ended_at.is_(None), _PAY.c.start_at.is_(None)
)
_DUE: Final = (
    select(*CLOCK_COLUMNS, SUBJECTS.c.order_json, _UNDELIVERED.label("undelivered"))
    .select_from(CLOCKS.outerjoin(SUBJECTS, SUBJECTS.c.subject == _C.subject))
    .where(AIMED, _C.next_at <= bindparam("now", type_=BigInteger()))
    .order_by(_C.next_at, _C.id)
    .limit(_MOST)
)


def due_clocks(connection: Connection, *, now: int, limit: int) -> list[DueClock]:
    """Clocks whose next threshold has come, with their orders."""
    rows = connection.execute(_DUE, {"now": now, "most": limit})
    return [
        DueClock(clock=clock_of(row), order=_order(row.order_json), undelivered=bool(row.undelivered)) for row in rows
    ]


def fire(connection: Connection, *, firings: Sequence[Firing], now: int) -> list[bool]:
    """Lock subjects, cases, clocks in this order; write what still counts."""
    locked = lock_subjects(connection, _subjects(firings))
    turned = [each.order_after for each in firings if each.order_after is not None]
    cases = lock_cases(connection, [order.case_no for order in turned])
    standing = _lock(connection, [each.before.number for each in firings])
    orders = {subject: _order(text) for subject, (_, text) in locked.items()}
    valid = [each for each in firings if _stands(each, standing, orders)]
    counted = _mark(connection, valid)
    positions = {subject: position for subject, (position, _) in locked.items()}
    _write(connection, counted, positions, now=now)
    _turn(connection, counted, positions, cases)
    taken = {(each.before.number, each.percent) for each in counted}
    return [(each.before.number, each.percent) in taken for each in firings]


def _order(text: str | None) -> Order | None:
    return None if text is None else Order.from_json(json.loads(text))


def _subjects(firings: Sequence[Firing]) -> set[str]:
    told = {message.subject for each in firings for message in each.messages}
    return told | {each.order_before.subject for each in firings if each.order_before is not None}


@cache
def _locking(dialect: str) -> Select[Any]:
    rows = given(dialect, _NUMBER)
    found = select(*CLOCK_COLUMNS).select_from(rows.join(CLOCKS, _C.number == rows.c.number)).where(OPEN)
    return found.order_by(_C.number).with_for_update(of=CLOCKS, skip_locked=True)


def _lock(connection: Connection, numbers: Sequence[str]) -> dict[str, LegalClock]:
    """Clocks that stand open and that nobody else is writing; the rest is looked at again in the next sweep."""
    asked = as_given({"number": number} for number in sorted(numbers))
    return {row.number: clock_of(row) for row in connection.execute(_locking(name_of(connection)), asked)}


def _stands(firing: Firing, standing: dict[str, LegalClock], orders: dict[str, Order | None]) -> bool:
    if standing.get(firing.before.number) != firing.before:
        return False
    seen = firing.order_before
    return seen is None or orders.get(seen.subject) == seen


@cache
def _marking(dialect: str) -> Any:
    statement = insert_columns(dialect, CLOCK_WARNINGS, _WARNING).on_conflict_do_nothing()
    return statement.returning(CLOCK_WARNINGS.c.clock, CLOCK_WARNINGS.c.percent)


def _mark(connection: Connection, valid: Sequence[Firing]) -> list[Firing]:
    """One row a threshold: the second one to come is nobody's."""
    rows = [
        {"clock": each.before.number, "percent": each.percent, "fired_at": each.fired_at}
        for each in valid
        if each.percent is not None
    ]
    dialect = name_of(connection)
    marked = connection.execute(_marking(dialect), as_columns(dialect, _WARNING, rows))
    fresh = {(clock, percent) for clock, percent in marked}
    return [each for each in valid if each.percent is None or (each.before.number, each.percent) in fresh]


def _write(connection: Connection, counted: Sequence[Firing], positions: dict[str, int], *, now: int) -> None:
    move_clocks(connection, [each.after for each in counted], now=now)
    ledger = ClockLedger()
    for each in counted:
        ledger.add(each.changes)
    write_clocks(connection, ledger, now=now)
    post(connection, [message for each in counted for message in each.messages], positions, now=now)
    raise_alerts(connection, [alert for each in counted for alert in each.alerts], now=now)


def _turn(
    connection: Connection, counted: Sequence[Firing], positions: dict[str, int], cases: dict[str, CaseRow]
) -> None:
    """Orders enter their next states, and their cases count them anew."""
    orders = {each.order_after.subject: each.order_after for each in counted if each.order_after is not None}
    write_orders(connection, {number: (positions[number], order) for number, order in orders.items()})
    turned = {number: row.case for number, row in cases.items() if row.case is not None}
    for order in orders.values():
        if order.case_no in turned:
            turned[order.case_no] = turned[order.case_no].with_order(order)
    write_cases(connection, turned)
