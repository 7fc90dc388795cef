"""Writes the gateway's own messages and its alerts in the transaction of their cause (architecture point 11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, update

from gateway.core.message import Message
from gateway.ports import Alert
from gateway.store.dialect import insert, name_of
from gateway.store.rows import INSERT_DELIVERY, delivery_row, message_row
from gateway.store.schema import ALERTS, MESSAGES, OPEN_ALERT
from gateway.store.subjects import advance, find_occupied


@cache
def _inserting(dialect: str) -> Any:
    return insert(dialect, MESSAGES).on_conflict_do_nothing().returning(MESSAGES.c.id)


def post(connection: Connection, messages: Sequence[Message], positions: dict[str, int], *, now: int) -> None:
    """Insert those of the messages that are not kept yet, each with its delivery at the tail of its subject.

    `positions` holds the last position of each of their subjects, which are locked.
    """
    statement = _inserting(name_of(connection))
    fresh = [message for message in messages if connection.execute(statement, message_row(message)).first()]
    if not fresh:
        return
    occupied = find_occupied(connection, {(message.recipient, message.subject) for message in fresh})
    rows = []
    for message in fresh:
        pair = (message.recipient, message.subject)
        positions[message.subject] += 1
        due_at = None if pair in occupied else now
        rows.append(delivery_row(message, position=positions[message.subject], due_at=due_at, accepted_at=now))
        occupied.add(pair)
    connection.execute(INSERT_DELIVERY, rows)
    advance(connection, {message.subject: positions[message.subject] for message in fresh})


@cache
def _alerting(dialect: str) -> Any:
    statement = insert(dialect, ALERTS)
    counted = {"times": ALERTS.c.times + 1, "last_at": statement.excluded.last_at, "text": statement.excluded.text}
    return statement.on_conflict_do_update(
        index_elements=["code", "about"], index_where=OPEN_ALERT, set_=counted
    ).returning(ALERTS.c.times)


def raise_alert(connection: Connection, *, alert: Alert, now: int) -> bool:
    """Write an alert, or count one that is open already; True when it is new."""
    values = {"code": alert.code, "about": alert.about, "text": alert.text}
    row = values | {"first_at": now, "last_at": now, "times": 1}
    times: int = connection.execute(_alerting(name_of(connection)), row).scalar_one()
    return times == 1


def raise_alerts(connection: Connection, alerts: Iterable[Alert], *, now: int) -> None:
    """Write or count alerts, in sorted order so that two processes never wait for each other."""
    for alert in sorted(alerts, key=lambda each: (each.code, each.about)):
        raise_alert(connection, alert=alert, now=now)


def settle_alerts(connection: Connection, *, codes: Collection[str], about: str, reason: str, now: int) -> int:
    """Close the open alerts of these codes about something; how many. They stay on record with the reason."""
    settled = update(ALERTS).where(ALERTS.c.code.in_(codes), ALERTS.c.about == about, OPEN_ALERT)
    return connection.execute(settled.values(closed_at=now, closed_reason=reason)).rowcount
