"""Alerts, the audit log, counts, and the state of the database itself."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    tuple_,
    union_all,
)

from gateway.ports import Alert, Audit, ClosedAlert, Tally
from gateway.store.dialect import POSTGRESQL, name_of
from gateway.store.posting import settle_alerts
from gateway.store.schema import ALERTS, AUDITS, DEAD, DELIVERIES, LIVE, NONCES, OPEN_ALERT

_D = DELIVERIES.c
_SHOWN: Final = (ALERTS.c.code, ALERTS.c.about, ALERTS.c.text, ALERTS.c.first_at, ALERTS.c.times)
_AUDIT: Final = insert(AUDITS)


def write_audit(connection: Connection, audit: Audit, *, now: int) -> None:
    """Append one row of who changed what, and why."""
    row = {"at": now, "actor": audit.actor, "action": audit.action, "about": audit.about, "reason": audit.reason}
    connection.execute(_AUDIT, row)


def alerts(connection: Connection) -> list[tuple[Alert, int, int]]:
    """Open alerts with their first instant and count, oldest first."""
    rows = connection.execute(select(*_SHOWN).where(OPEN_ALERT).order_by(ALERTS.c.id))
    return [(Alert(code=row.code, about=row.about, text=row.text), row.first_at, row.times) for row in rows]


def closed_alerts(connection: Connection, *, limit: int) -> list[ClosedAlert]:
    """Closed alerts, the last one closed first."""
    closed = select(*_SHOWN, ALERTS.c.closed_at, ALERTS.c.closed_reason).where(ALERTS.c.closed_at.is_not(None))
    return [
        ClosedAlert(
            alert=Alert(code=row.code, about=row.about, text=row.text),
            first_at=row.first_at,
            times=row.times,
            closed_at=row.closed_at,
            reason=row.closed_reason,
        )
        for row in connection.execute(closed.order_by(ALERTS.c.closed_at.desc(), ALERTS.c.id.desc()).limit(limit))
    ]


def close_alert(connection: Connection, *, code: str, about: str, now: int, audit: Audit) -> bool:
    """Close an open alert; the next one of its kind is a new row."""
    closed = settle_alerts(connection, codes=[code], about=about, reason=audit.reason, now=now)
    if closed:
        write_audit(connection, audit, now=now)
    return bool(closed)


def audits(connection: Connection, *, limit: int, about: str | None = None) -> list[tuple[int, Audit]]:
    """The newest audit rows with their instants, all or those about something."""
    asked = select(AUDITS) if about is None else select(AUDITS).where(AUDITS.c.about == about)
    rows = connection.execute(asked.order_by(AUDITS.c.id.desc()).limit(limit))
    return [(row.at, Audit(actor=row.actor, action=row.action, about=row.about, reason=row.reason)) for row in rows]


def _counting(which: ColumnElement[bool]) -> Select[Any]:
    return select(_D.recipient, _D.state, func.count()).where(which).group_by(_D.recipient, _D.state)


# Apart, for each half has its partial index: SQLite reads the whole table for the two joined by OR.
_COUNTED: Final = union_all(_counting(LIVE), _counting(DEAD))


def tally(connection: Connection) -> Tally:
    """Live rows and dead letters, the oldest live rows, and the alerts raised so far."""
    rows = {(recipient, state): count for recipient, state, count in connection.execute(_COUNTED)}
    return Tally(rows=rows, oldest=_oldest(connection), raised=_raised(connection))


def _oldest(connection: Connection) -> dict[str, int]:
    found = select(_D.recipient, func.min(_D.accepted_at)).where(LIVE).group_by(_D.recipient)
    return {row[0]: row[1] for row in connection.execute(found)}


def _raised(connection: Connection) -> dict[str, int]:
    counted = select(ALERTS.c.code, cast(func.sum(ALERTS.c.times), BigInteger)).group_by(ALERTS.c.code)
    return {row[0]: row[1] for row in connection.execute(counted)}


def skew(connection: Connection, *, now: int) -> int:
    """`now` minus the database's clock; a SQLite file has no clock but the process's."""
    if name_of(connection) != POSTGRESQL:
        return 0
    seconds = func.extract("epoch", func.clock_timestamp())
    there: int = connection.execute(select(cast(seconds * 1_000_000, BigInteger))).scalar_one()
    return now - there


def _purging() -> Any:
    key = (NONCES.c.serial_no, NONCES.c.value)
    old = select(*key).where(NONCES.c.spent_at < bindparam("before", type_=BigInteger()))
    oldest = old.order_by(NONCES.c.spent_at).limit(bindparam("most"))
    return delete(NONCES).where(tuple_(*key).in_(oldest))


_PURGE: Final = _purging()


def purge_nonces(connection: Connection, *, before: int, limit: int) -> int:
    """Delete at most `limit` nonces spent before `before`."""
    return connection.execute(_PURGE, {"before": before, "most": limit}).rowcount
