"""The case lock, and what is done under it: positions, and who of a recipient and subject is next.

Every transaction that adds a row to a subject or ends one of its rows holds the subject's row first (architecture
point 2), several in sorted order. So the rows before a row can only become fewer once it is seen, and ending a row
never misses the one that waits behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    exists,
    func,
    select,
    tuple_,
    update,
)

from gateway.store.dialect import Types, as_columns, as_given, given, insert_columns, name_of
from gateway.store.schema import DELIVERIES, LIVE, SUBJECTS, WAITS
from gateway.store.together import Call, Rows, run_together

Pair = tuple[str, str]
"""Recipient and subject: what is kept in order."""

Locked = dict[str, tuple[int, str | None]]
"""Subject → last position given, order or case as JSON or None."""

_SUBJECT: Final[Types] = {"subject": Text()}
_PAIR: Final[Types] = {"recipient": Text(), "subject": Text()}

_ADVANCE: Final = update(SUBJECTS).where(SUBJECTS.c.subject == bindparam("key")).values(position=bindparam("reached"))


@cache
def _locking(dialect: str) -> Any:
    """Make the rows that are missing and lock all: the empty update is the lock."""
    statement = insert_columns(dialect, SUBJECTS, _SUBJECT, position=0)
    return statement.on_conflict_do_update(
        index_elements=["subject"], set_={"position": SUBJECTS.c.position}
    ).returning(SUBJECTS.c.subject, SUBJECTS.c.position, SUBJECTS.c.order_json)


def lock_subjects(connection: Connection, subjects: Iterable[str]) -> Locked:
    """Lock subjects in sorted order until COMMIT, made on demand."""
    (rows,) = run_together(connection, [locking_subjects(name_of(connection), subjects)])
    return as_locked(rows)


def locking_subjects(dialect: str, subjects: Iterable[str]) -> Call | None:
    """The call that `lock_subjects` makes; `as_locked` reads its rows."""
    wanted = [{"subject": subject} for subject in sorted(set(subjects))]
    return Call(_locking(dialect), as_columns(dialect, _SUBJECT, wanted)) if wanted else None


def as_locked(rows: Rows) -> Locked:
    """What was locked, by subject."""
    return {subject: (position, order_json) for subject, position, order_json in rows}


def advance(connection: Connection, positions: dict[str, int]) -> None:
    """Write the last positions given in locked subjects."""
    run_together(connection, [advancing(positions)])


def advancing(positions: dict[str, int]) -> Call | None:
    """The call that `advance` makes."""
    rows = [{"key": key, "reached": reached} for key, reached in positions.items()]
    return Call(_ADVANCE, rows) if rows else None


@cache
def _occupied(dialect: str) -> Select[Any]:
    pairs = given(dialect, _PAIR)
    same = and_(DELIVERIES.c.recipient == pairs.c.recipient, DELIVERIES.c.subject == pairs.c.subject, LIVE)
    return select(pairs.c.recipient, pairs.c.subject).where(exists().where(same).correlate(pairs))


def find_occupied(connection: Connection, pairs: Collection[Pair]) -> set[Pair]:
    """Those pairs that have a live row; their subjects are locked."""
    (rows,) = run_together(connection, [finding_occupied(name_of(connection), pairs)])
    return {(recipient, subject) for recipient, subject in rows}


def finding_occupied(dialect: str, pairs: Collection[Pair]) -> Call | None:
    """The call that `find_occupied` makes."""
    return Call(_occupied(dialect), _as_pairs(pairs)) if pairs else None


def is_head() -> ColumnElement[bool]:
    """This live row of `deliveries` is the first live one of its recipient and subject.

    The least position is one index probe a row; a NOT EXISTS would be planned as a join over the whole backlog.
    """
    live = DELIVERIES.alias("live")
    same = and_(live.c.recipient == DELIVERIES.c.recipient, live.c.subject == DELIVERIES.c.subject)
    first = select(func.min(live.c.position)).where(same, live.c.ended_at.is_(None)).correlate(DELIVERIES)
    return first.scalar_subquery() == DELIVERIES.c.position


@cache
def _waking(dialect: str) -> Update:
    pairs = given(dialect, _PAIR)
    ours = tuple_(DELIVERIES.c.recipient, DELIVERIES.c.subject).in_(select(pairs.c.recipient, pairs.c.subject))
    return update(DELIVERIES).where(ours, WAITS, is_head()).values(due_at=bindparam("now"))


def wake_next(connection: Connection, pairs: Collection[Pair], *, now: int) -> None:
    """After rows of these pairs ended under the subjects' locks: the next row of each is due at `now`."""
    if pairs:
        connection.execute(_waking(name_of(connection)), _as_pairs(pairs) | {"now": now})


def _as_pairs(pairs: Collection[Pair]) -> dict[str, Any]:
    return as_given({"recipient": recipient, "subject": subject} for recipient, subject in sorted(pairs))
