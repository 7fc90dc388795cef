"""Reading what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, func, select

from gateway.core.delivery import State
from gateway.ports import Cause, Head, MessageView, Query
from gateway.store.outbox import load_messages
from gateway.store.schema import ATTEMPTS, DEAD, DELIVERIES, MESSAGES, RECEIPTS
from gateway.store.views import OF_DELIVERY, ROWS, load_views

_D = DELIVERIES.c
_LAST: Final = _D.replayed_by.is_(None)
_ONE: Final = ROWS.where(_D.source == bindparam("whose"), _D.message_id == bindparam("which"), _LAST)
_JOINED: Final = DELIVERIES.join(MESSAGES, OF_DELIVERY)

# Why a delivery stands where it does: its receipt's word, else the last attempt's.
_TOLD: Final = select(RECEIPTS.c.code).where(RECEIPTS.c.source == _D.source, RECEIPTS.c.message_id == _D.message_id)
_TRIED: Final = select(ATTEMPTS.c.code).where(ATTEMPTS.c.delivery_id == _D.id, ATTEMPTS.c.number == _D.attempts)
_CODE: Final = func.coalesce(
    _TOLD.correlate(DELIVERIES).scalar_subquery(), _TRIED.correlate(DELIVERIES).scalar_subquery()
)
_FILTERS: Final[Mapping[str, ColumnElement[str | None]]] = {
    "source": _D.source,
    "recipient": _D.recipient,
    "type": MESSAGES.c.type,
    "subject": _D.subject,
    "code": _CODE,
}


def message(connection: Connection, *, source: str, message_id: str) -> MessageView | None:
    """One message with its latest delivery."""
    views = load_views(connection, connection.execute(_ONE, {"whose": source, "which": message_id}))
    return views[0] if views else None


def find(connection: Connection, *, query: Query) -> list[MessageView]:
    """Messages by filter with their latest deliveries, newest first."""
    return load_views(connection, connection.execute(finding(query)))


def finding(query: Query) -> Select[Any]:
    """The statement of `find`."""
    return ROWS.where(*_wanted(query)).order_by(_D.id.desc()).limit(query.limit)


def find_ids(connection: Connection, *, query: Query) -> list[int]:
    """The delivery ids alone, oldest first."""
    rows = select(_D.id).select_from(_JOINED).where(*_wanted(query)).order_by(_D.id).limit(query.limit)
    return list(connection.execute(rows).scalars())


_PAGE: Final = (
    select(_D.id)
    .where(_D.id > bindparam("past", type_=BigInteger()), _D.replay_of.is_(None))
    .order_by(_D.id)
    .limit(bindparam("most"))
)


def page(connection: Connection, *, after: int, limit: int) -> list[Head]:
    """Every message once, in order of its first delivery, behind the delivery `after`."""
    return load_messages(connection, list(connection.execute(_PAGE, {"past": after, "most": limit}).scalars()))


def find_causes(connection: Connection, *, query: Query) -> list[Cause]:
    """Ended deliveries by code and recipient, the most frequent first."""
    ended = select(_CODE.label("code"), _D.recipient, _D.ended_at).select_from(_JOINED)
    rows = ended.where(*_wanted(query), _D.ended_at.is_not(None)).subquery().c
    count = func.count().label("count")
    span = (func.min(rows.ended_at).label("oldest"), func.max(rows.ended_at).label("newest"))
    grouped = select(rows.code, rows.recipient, count, *span).group_by(rows.code, rows.recipient)
    found = connection.execute(grouped.order_by(count.desc(), rows.recipient, rows.code).limit(query.limit))
    return [Cause(**row) for row in found.mappings()]


def _wanted(query: Query) -> list[ColumnElement[bool]]:
    wanted = [column == getattr(query, name) for name, column in _FILTERS.items() if getattr(query, name) is not None]
    if query.state is not None:
        wanted.append(DEAD if query.state is State.FAILED else _D.state == query.state.value)
    return [_LAST, *wanted]
