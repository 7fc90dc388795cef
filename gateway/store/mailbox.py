"""The pull side: what stands in a recipient's mailbox (protocol section 5)."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from gateway.ports import MessageView, Waiting
from gateway.store.outbox import load_messages
from gateway.store.schema import DELIVERIES, MAILED, MESSAGES
from gateway.store.views import OF_DELIVERY, ROWS, load_views

MOST_BYTES: Final = 4 * 2**20
"""A listing is cut here, but never below one message."""

_D = DELIVERIES.c
_WAITING: Final = (
    select(_D.id, _D.attempts, func.length(MESSAGES.c.body).label("size"))
    .select_from(DELIVERIES.join(MESSAGES, OF_DELIVERY))
    .where(_D.recipient == bindparam("whose"), MAILED, _D.id > bindparam("past", type_=BigInteger()))
    .order_by(_D.id)
    .limit(bindparam("most"))
)
_ONE: Final = ROWS.where(_D.id == bindparam("row", type_=BigInteger()))


def waiting(connection: Connection, *, recipient: str, limit: int, after: int | None) -> list[Waiting]:
    """Unreceipted messages in order of acceptance."""
    asked: dict[str, Any] = {"whose": recipient, "past": after or 0, "most": limit}
    rows = connection.execute(_WAITING, asked).all()
    sizes = accumulate(row.size for row in rows)
    attempts = {row.id: max(row.attempts, 1) for row, size in zip(rows, sizes, strict=True) if _fits(row, size)}
    return [
        Waiting(delivery_id=head.delivery_id, attempt=attempts[head.delivery_id], message=head.message)
        for head in load_messages(connection, list(attempts))
    ]


def _fits(row: Any, size: int) -> bool:
    return size <= MOST_BYTES or size == row.size


def delivery(connection: Connection, *, delivery_id: int) -> MessageView | None:
    """The delivery with its message."""
    views = load_views(connection, connection.execute(_ONE, {"row": delivery_id}))
    return views[0] if views else None
