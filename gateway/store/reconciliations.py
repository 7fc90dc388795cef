"""Reconciliations: a day's messages of an institution, what was drawn up of them, and what was answered."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from gateway.core.message import Message
from gateway.core.reconciliation import ANSWER, OWN_TYPES, Line, read_fen
from gateway.core.reconciliation_causes import AGREED, Finding
from gateway.ports.reconciliation import Answered, Reconciliation
from gateway.ports.records import Alert
from gateway.store.dialect import Types, as_given, given, insert, name_of
from gateway.store.posting import post, raise_alert, raise_alerts, settle_alerts
from gateway.store.reconciliation_tables import OPEN, RECONCILIATIONS
from gateway.store.rows import AnyRow
from gateway.store.runners import Runner
from gateway.store.schema import DELIVERIES, MESSAGES, RECEIPTS, RECONCILED
from gateway.store.subjects import lock_subjects

_M, _D, _R = MESSAGES.c, DELIVERIES.c, RECONCILIATIONS.c
_KEY: Final[Types] = {"source": Text(), "id": Text()}
_STREAMED: Final = 500
_ANSWER: Final[ColumnElement[str]] = literal_column(f"'{ANSWER}'")

# A message as it stands: its latest delivery, and the receipt that served it.
_LATEST: Final = and_(_D.source == _M.source, _D.message_id == _M.id, _D.replayed_by.is_(None))
_SERVED: Final = and_(RECEIPTS.c.source == _M.source, RECEIPTS.c.message_id == _M.id, RECEIPTS.c.status == "ACCEPTED")
_LINES: Final = (
    select(
        *(_M.source, _M.id, _M.type, _M.recipient, _M.digest, _M.received_at, _M.body, _D.state),
        RECEIPTS.c.at.label("delivered_at"),
    )
    .select_from(MESSAGES.join(DELIVERIES, _LATEST).outerjoin(RECEIPTS, _SERVED))
    .execution_options(stream_results=True, yield_per=_STREAMED)
)
_TRADED: Final = _LINES.where(
    _M.received_at >= bindparam("start", type_=BigInteger()),
    _M.received_at < bindparam("end", type_=BigInteger()),
    or_(_M.source == bindparam("who"), _M.recipient == bindparam("who")),
    _M.type.not_in(OWN_TYPES),
)


class ReconciliationTables:
    """The part of the store that knows reconciliations."""

    _runner: Runner

    async def traded(self, institution: str, *, start: int, end: int) -> Sequence[Line]:
        """What was accepted from or for an institution in [start, end)."""
        return await self._runner.read(partial(traded, institution=institution, start=start, end=end))

    async def kept(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Line]:
        """Those of the messages that are kept."""
        return await self._runner.read(partial(kept, keys=keys))

    async def drawn(self, *, since: str) -> frozenset[tuple[str, str]]:
        """What was drawn up."""
        return await self._runner.read(partial(drawn, since=since))

    async def draw_up(self, rows: Sequence[Reconciliation], messages: Sequence[Message], *, now: int) -> bool:
        """Write one institution's day, once."""
        return await self._runner.write(partial(draw_up, rows=rows, messages=messages, now=now))

    async def answered(self, *, since: int, limit: int) -> Sequence[Answered]:
        """Answers that were not looked at."""
        return await self._runner.read(partial(answered, since=since, limit=limit))

    async def conclude(self, row: Reconciliation, alerts: Sequence[Alert], *, now: int) -> None:
        """Write what came of an answer."""
        await self._runner.write(partial(conclude, row=row, alerts=alerts, now=now))

    async def unanswered(self, *, now: int, limit: int) -> Sequence[Reconciliation]:
        """Those whose answer is late."""
        return await self._runner.read(partial(unanswered, now=now, limit=limit))

    async def remind(self, number: str, alert: Alert, *, now: int) -> bool:
        """Alert a missing answer, once."""
        return await self._runner.write(partial(remind, number=number, alert=alert, now=now))

    async def reconciliations(
        self, *, day: str | None, institution: str | None, limit: int
    ) -> Sequence[Reconciliation]:
        """Reconciliations, newest first."""
        return await self._runner.read(partial(reconciliations, day=day, institution=institution, limit=limit))


def traded(connection: Connection, *, institution: str, start: int, end: int) -> list[Line]:
    """A period's messages of an institution; their bodies pass through, they are not kept in memory."""
    rows = connection.execute(_TRADED, {"who": institution, "start": start, "end": end})
    return [_line(row) for row in rows]


def _line(row: AnyRow) -> Line:
    return Line(
        source=row.source,
        id=row.id,
        type=row.type,
        recipient=row.recipient,
        digest=row.digest,
        received_at=row.received_at,
        state=row.state,
        delivered_at=row.delivered_at,
        fen=read_fen(row.type, json.loads(row.body).get("data", {})) if row.body else None,
    )


@cache
def _keeping(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    return _LINES.join(keys, and_(keys.c.source == _M.source, keys.c.id == _M.id))


def kept(connection: Connection, *, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Line]:
    """Those of the messages that are kept, by sender and id."""
    wanted = as_given({"source": source, "id": id_} for source, id_ in sorted(set(keys)))
    lines = [_line(row) for row in connection.execute(_keeping(name_of(connection)), wanted)]
    return {line.key: line for line in lines}


def drawn(connection: Connection, *, since: str) -> frozenset[tuple[str, str]]:
    """(institution, day) of what was drawn up for the days from `since` on."""
    rows = connection.execute(select(_R.institution, _R.day).where(_R.day >= since).distinct())
    return frozenset((row.institution, row.day) for row in rows)


def draw_up(connection: Connection, *, rows: Sequence[Reconciliation], messages: Sequence[Message], now: int) -> bool:
    """Write the parts and post their messages; the first part's row decides between two processes."""
    locked = lock_subjects(connection, [message.subject for message in messages])
    statement = insert(name_of(connection), RECONCILIATIONS).on_conflict_do_nothing().returning(_R.number)
    if connection.execute(statement, _row(rows[0])).first() is None:
        return False
    for row in rows[1:]:
        connection.execute(statement, _row(row))
    post(connection, messages, {subject: position for subject, (position, _) in locked.items()}, now=now)
    return True


def _row(row: Reconciliation) -> dict[str, Any]:
    return asdict(row) | {"findings": _write_findings(row.findings)}


def _write_findings(findings: Iterable[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False)


def _read(row: AnyRow) -> Reconciliation:
    values = {column.name: getattr(row, column.name) for column in _R}
    return Reconciliation(**values | {"findings": [Finding(**each) for each in json.loads(row.findings)]})


_DAILY: Final = MESSAGES.alias("daily")
_OTHER: Final = MESSAGES.alias("other").c
_NEWEST: Final = (
    select(func.max(_OTHER.received_at))
    .where(_OTHER.type == _ANSWER, _OTHER.source == _R.institution, _OTHER.subject == _R.number)
    .correlate(RECONCILIATIONS)
    .scalar_subquery()
)
_ANSWERED: Final = (
    select(
        *_R,
        _DAILY.c.body.label("daily"),
        _M.body.label("answer"),
        _M.id.label("new_id"),
        _M.received_at.label("new_at"),
    )
    .select_from(
        RECONCILIATIONS.join(MESSAGES, and_(RECONCILED, _M.source == _R.institution, _M.subject == _R.number)).join(
            _DAILY, and_(_DAILY.c.source == "gateway", _DAILY.c.id == _R.message_id)
        )
    )
    .where(
        _R.drawn_at >= bindparam("since", type_=BigInteger()),
        or_(_R.answered_at.is_(None), _R.answered_at < _M.received_at),
        _M.received_at == _NEWEST,
    )
    .order_by(_M.received_at, _R.number)
    .limit(bindparam("most"))
)


def answered(connection: Connection, *, since: int, limit: int) -> list[Answered]:
    """Reconciliations whose newest answer was not looked at."""
    rows = connection.execute(_ANSWERED, {"since": since, "most": limit})
    return [
        Answered(
            reconciliation=_read(row),
            daily=row.daily,
            answer=row.answer,
            answer_id=row.new_id,
            answered_at=row.new_at,
        )
        for row in rows
    ]


def conclude(connection: Connection, *, row: Reconciliation, alerts: Sequence[Alert], now: int) -> None:
    """Write what came of an answer; an agreement closes every alert of its number, any answer the reminder."""
    changed = ("answered_at", "answer_id", "result", "reminded_at")
    values = {name: getattr(row, name) for name in changed} | {"findings": _write_findings(row.findings)}
    connection.execute(update(RECONCILIATIONS).where(_R.number == row.number).values(values))
    codes = ["RECONCILIATION_UNANSWERED"]
    codes += ["RECONCILIATION_DIFFERS"] if row.result == AGREED and not alerts else []
    reason = f"收到核对结果 {row.answer_id}"
    settle_alerts(connection, codes=codes, about=row.number, reason=reason, now=now)
    raise_alerts(connection, alerts, now=now)


def unanswered(connection: Connection, *, now: int, limit: int) -> list[Reconciliation]:
    """Those whose answer is late and that were not alerted."""
    late = select(*_R).where(OPEN, _R.answer_due <= now).order_by(_R.answer_due, _R.number).limit(limit)
    return [_read(row) for row in connection.execute(late)]


def remind(connection: Connection, *, number: str, alert: Alert, now: int) -> bool:
    """Mark a late one and raise its alert, unless it was answered or marked meanwhile."""
    marked = connection.execute(update(RECONCILIATIONS).where(_R.number == number, OPEN).values(reminded_at=now))
    if marked.rowcount:
        raise_alert(connection, alert=alert, now=now)
    return bool(marked.rowcount)


def reconciliations(
    connection: Connection, *, day: str | None, institution: str | None, limit: int
) -> list[Reconciliation]:
    """Reconciliations by day and institution, newest first."""
    rows = select(*_R).order_by(_R.day.desc(), _R.institution, _R.part).limit(limit)
    for column, wanted in ((_R.day, day), (_R.institution, institution)):
        rows = rows if wanted is None else rows.where(column == wanted)
    return [_read(row) for row in connection.execute(rows)]
