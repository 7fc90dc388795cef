"""Reading what was kept."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, or_

from gateway.core.delivery import State
from gateway.ports import MessageView, Query
from gateway.store.schema import ATTEMPTS, DEAD, DELIVERIES, RECEIPTS
from gateway.store.views import ROWS, load_views

_D = DELIVERIES.c
_LAST: Final = _D.replayed_by.is_(None)
_ONE: Final = ROWS.where(_D.source == bindparam("whose"), _D.message_id == bindparam("which"), _LAST)
_FILTERS: Final = {
    "source": _D.source,
    "recipient": _D.recipient,
    "type": ROWS.selected_columns["message_type"],
    "subject": _D.subject,
}


def message(connection: Connection, *, source: str, message_id: str) -> MessageView | None:
    """One message with its latest delivery."""
    views = load_views(connection, connection.execute(_ONE, {"whose": source, "which": message_id}))
    return views[0] if views else None


def find(connection: Connection, *, query: Query) -> list[MessageView]:
    """Messages by filter with their latest deliveries, newest first."""
    return load_views(connection, connection.execute(_select(query)))


def _select(query: Query) -> Select[Any]:
    wanted = [column == getattr(query, name) for name, column in _FILTERS.items() if getattr(query, name) is not None]
    if query.state is not None:
        wanted.append(DEAD if query.state is State.FAILED else _D.state == query.state.value)
    if query.code is not None:
        wanted.append(_with_code(query.code))
    return ROWS.where(_LAST, *wanted).order_by(_D.id.desc()).limit(query.limit)


def _with_code(code: str) -> ColumnElement[bool]:
    """The last attempt ended with this code, or the receipt carries it."""
    tried = (ATTEMPTS.c.delivery_id == _D.id, ATTEMPTS.c.number == _D.attempts, ATTEMPTS.c.code == code)
    told = (RECEIPTS.c.source == _D.source, RECEIPTS.c.message_id == _D.message_id, RECEIPTS.c.code == code)
    return or_(exists().where(*tried).correlate(DELIVERIES), exists().where(*told).correlate(DELIVERIES))
