"""What the relay needs: heads to publish, and the marks of what was published (architecture points 3 and 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, Update, and_, bindparam, case, func, or_, select, update

from gateway.ports import Head
from gateway.store.dialect import Types, as_columns, as_ids, given_columns, given_ids, insert, name_of
from gateway.store.rows import MESSAGE_COLUMNS, message_of
from gateway.store.schema import DELIVERIES, LEASES, LIVE, MESSAGES, READY
from gateway.store.subjects import is_head

LEASE: Final = 5_000_000
"""Microseconds that a beat is worth."""

MOST_TIMES: Final = 12
"""Published marks are counted up to here; the wait before the next wake-up doubles with each."""

_TOKENS: Final[Types] = {"id": BigInteger(), "token": BigInteger()}
_CHUNK: Final = 64
_MOST_BYTES: Final = 16 * 2**20

_D = DELIVERIES.c
_NOW: Final = bindparam("now", type_=BigInteger())
_DUE: Final = _D.due_at <= _NOW


def _recipients() -> Select[Any]:
    """The recipients that have ready rows, one index probe each, however long their backlogs are."""
    first = select(func.min(_D.recipient).label("recipient")).where(READY).cte("ready", recursive=True)
    following = select(func.min(_D.recipient)).where(READY, _D.recipient > first.c.recipient).scalar_subquery()
    ready = first.union_all(select(following).where(first.c.recipient.is_not(None)))
    return select(ready.c.recipient).where(ready.c.recipient.is_not(None))


_RECIPIENTS: Final = _recipients()
_HEADS: Final = (
    select(_D.due_at, _D.id)
    .where(_D.recipient == bindparam("recipient"), READY, _DUE, is_head())
    .order_by(_D.due_at, _D.id)
    .limit(bindparam("most"))
)


def heads(connection: Connection, *, limit: int, now: int, without: Collection[str]) -> list[Head]:
    """Due, unpublished, unclaimed heads; the longest due first, so that no recipient's backlog hides another's."""
    recipients = [each for each in connection.execute(_RECIPIENTS).scalars() if each not in without]
    queues = [_due_rows(connection, recipient, limit, now) for recipient in recipients]
    ids = [number for _, number in islice(merge(*queues), limit)]
    return list(_load(connection, ids))


def _due_rows(connection: Connection, recipient: str, limit: int, now: int) -> list[tuple[int, int]]:
    rows = connection.execute(_HEADS, {"recipient": recipient, "most": limit, "now": now})
    return [(due_at, number) for due_at, number in rows]


@cache
def _loading(dialect: str) -> Select[Any]:
    key = (MESSAGES.c.source == _D.source) & (MESSAGES.c.id == _D.message_id)
    rows = select(_D.id.label("delivery_id"), _D.token, *MESSAGE_COLUMNS).select_from(DELIVERIES.join(MESSAGES, key))
    return rows.where(_D.id.in_(given_ids(dialect)))


def _load(connection: Connection, ids: Sequence[int]) -> Iterator[Head]:
    """The messages of rows, in the order of `ids`, cut where they would fill the process's memory."""
    loaded = 0
    for start in range(0, len(ids), _CHUNK):
        if loaded > _MOST_BYTES:
            return
        found = load_messages(connection, ids[start : start + _CHUNK])
        loaded += sum(len(head.message.body) for head in found)
        yield from found


def load_messages(connection: Connection, ids: Sequence[int]) -> list[Head]:
    """Delivery rows with their messages, in the order of `ids`."""
    rows = connection.execute(_loading(name_of(connection)), as_ids(ids)).mappings()
    found = {row["delivery_id"]: row for row in rows}
    return [
        Head(delivery_id=number, token=found[number]["token"], message=message_of(found[number]))
        for number in ids
        if number in found
    ]


@cache
def _marking(dialect: str) -> Update:
    """A row that was claimed meanwhile has used this wake-up up already, even if it is free and due again by now."""
    times = case((_D.published_times < MOST_TIMES, _D.published_times + 1), else_=MOST_TIMES)
    heads = given_columns(dialect, _TOKENS)
    same = (_D.id == heads.c.id, _D.token == heads.c.token)
    rows = heads.join(DELIVERIES, and_(*same))
    ours = select(_D.id).select_from(rows).where(_D.worker.is_(None), _DUE).order_by(_D.id)
    # A row that a claim holds now has used the wake-up up, or will be published again if the claim comes to nothing.
    found = ours.with_for_update(skip_locked=True, of=DELIVERIES).cte("found")
    marked = update(DELIVERIES).where(_D.id.in_(select(found.c.id)))
    return marked.values(published_at=_NOW, published_times=times)


def mark(connection: Connection, *, tokens: Mapping[int, int], now: int) -> None:
    """The wake-ups of rows, by the tokens that they had as heads, are confirmed by the bus."""
    rows = [{"id": number, "token": token} for number, token in sorted(tokens.items())]
    dialect = name_of(connection)
    connection.execute(_marking(dialect), as_columns(dialect, _TOKENS, rows) | {"now": now})


_MARKED: Final = select(_D.id).where(LIVE, _D.published_at.is_not(None)).order_by(_D.id)
_UNMARKED: Final = update(DELIVERIES).values(published_at=None, published_times=0).returning(_D.id)


def forget(connection: Connection, *, recipients: Collection[str] | None) -> int:
    """Take back the published marks of live rows, of these recipients or of all.

    A row that somebody holds locked is being claimed or settled, and needs its wake-up no more.
    """
    marked = _MARKED if recipients is None else _MARKED.where(_D.recipient.in_(recipients))
    found = marked.with_for_update(skip_locked=True).cte("found")
    return len(connection.execute(_UNMARKED.where(_D.id.in_(select(found.c.id)))).all())


@cache
def _leading(dialect: str) -> Any:
    statement = insert(dialect, LEASES)
    new = statement.excluded
    free = or_(LEASES.c.holder == new.holder, LEASES.c.beat_at <= new.beat_at - LEASE)
    return statement.on_conflict_do_update(
        index_elements=["role"], set_={"holder": new.holder, "beat_at": new.beat_at}, where=free
    ).returning(LEASES.c.holder)


def lead(connection: Connection, *, role: str, holder: str, now: int) -> bool:
    """Hold or take over the lease of a role."""
    row = {"role": role, "holder": holder, "beat_at": now}
    return connection.execute(_leading(name_of(connection)), row).first() is not None
