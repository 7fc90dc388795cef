"""Messages as people and parties see them: the latest delivery, every attempt, the receipt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Text, and_, select

from gateway.core.delivery import State
from gateway.ports import AttemptView, MessageView, Proof
from gateway.store.dialect import Types, as_given, given, name_of
from gateway.store.rows import MESSAGE_COLUMNS, AnyRow, message_of
from gateway.store.schema import ATTEMPTS, DELIVERIES, MESSAGES, RECEIPTS

_D = DELIVERIES.c
_KEY: Final[Types] = {"source": Text(), "id": Text()}
Key = tuple[str, str]

OF_DELIVERY: Final = and_(MESSAGES.c.source == _D.source, MESSAGES.c.id == _D.message_id)

# What a view is made of; the message's columns are selected beside it.
ROWS: Final = select(
    _D.id.label("delivery_id"),
    _D.state,
    _D.due_at,
    _D.worker,
    _D.replay_of,
    *(column.label(f"message_{column.name}") for column in MESSAGE_COLUMNS),
).select_from(DELIVERIES.join(MESSAGES, OF_DELIVERY))


def load_views(connection: Connection, rows: Iterable[AnyRow]) -> list[MessageView]:
    """The views of rows that ROWS selected, in their order."""
    found = list(rows)
    if not found:
        return []
    keys = {(row.message_source, row.message_id) for row in found}
    attempts, proofs = _attempts(connection, keys), _proofs(connection, keys)
    return [_view(row, attempts, proofs) for row in found]


def _view(row: AnyRow, attempts: dict[Key, list[AttemptView]], proofs: dict[Key, Proof]) -> MessageView:
    key = (row.message_source, row.message_id)
    return MessageView(
        message=message_of({column: getattr(row, f"message_{column.name}") for column in MESSAGE_COLUMNS}),
        delivery_id=row.delivery_id,
        state=State(row.state),
        next_attempt_at=None if row.worker else row.due_at,
        attempts=attempts[key],
        proof=proofs.get(key),
        replay_of=row.replay_of,
    )


@cache
def _trying(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    chain = and_(_D.source == keys.c.source, _D.message_id == keys.c.id)
    joined = keys.join(DELIVERIES, chain).join(ATTEMPTS, ATTEMPTS.c.delivery_id == _D.id)
    rows = select(_D.source, _D.message_id, *ATTEMPTS.c).select_from(joined)
    return rows.order_by(ATTEMPTS.c.delivery_id, ATTEMPTS.c.number)


def _attempts(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[AttemptView]]:
    """Attempts by message over all its deliveries, numbered through."""
    views: dict[Key, list[AttemptView]] = defaultdict(list)
    for row in connection.execute(_trying(name_of(connection)), _as_keys(keys)):
        mine = views[(row.source, row.message_id)]
        mine.append(_attempt(row, number=len(mine) + 1))
    return views


def _attempt(row: AnyRow, *, number: int) -> AttemptView:
    return AttemptView(
        number=number,
        time=row.started_at,
        outcome=row.outcome,
        http_status=row.http_status,
        code=row.code,
        message=row.text,
    )


@cache
def _proving(dialect: str) -> Select[Any]:
    keys = given(dialect, _KEY)
    same = and_(RECEIPTS.c.source == keys.c.source, RECEIPTS.c.message_id == keys.c.id)
    return select(*RECEIPTS.c).select_from(keys.join(RECEIPTS, same))


def _proofs(connection: Connection, keys: Iterable[Key]) -> dict[Key, Proof]:
    rows: Sequence[Any] = connection.execute(_proving(name_of(connection)), _as_keys(keys)).mappings().all()
    return {(row["source"], row["message_id"]): _proof(row) for row in rows}


def _proof(row: Any) -> Proof:
    return Proof(**{name: value for name, value in row.items() if name not in {"id", "source", "message_id"}})


def _as_keys(keys: Iterable[Key]) -> dict[str, str]:
    return as_given({"source": source, "id": number} for source, number in sorted(keys))
