"""Files that no message names any more: found page by page, marked, and forgotten a while later.

A file goes when it was named, every message that named it was purged, no application of onboarding holds it as a paper,
and nobody put it since the term. It is marked
first and removed at the earliest an hour later, so that an upload or a message under way then is seen: an upload takes
the mark away, and so does a message. From the mark on the file is read by nobody (protocol section 5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, Text, bindparam, delete, exists, func, or_, select, update

from gateway.core.delivery import SECOND
from gateway.core.retention import Leaving
from gateway.store.dialect import Types, as_given, given, name_of
from gateway.store.file_tables import FILES, MENTIONS, NAMINGS
from gateway.store.onboarding_tables import ONBOARDING_PAPERS as PAPERS
from gateway.store.rows import AnyRow

GRACE: Final = 3_600 * SECOND
"""Longer than any upload or request takes."""

_F = FILES.c
_DIGEST: Final[Types] = {"digest": Text()}
_PAGE: Final = (
    select(
        _F.digest,
        func.max(_F.put_at).label("put_at"),
        func.max(_F.leaving_at).label("leaving_at"),
        (func.count() - func.count(_F.leaving_at)).label("staying"),
    )
    .where(_F.digest > bindparam("past"))
    .group_by(_F.digest)
    .order_by(_F.digest)
    .limit(bindparam("most"))
)
_NAMED_ONCE: Final = or_(exists().where(MENTIONS.c.digest == _F.digest), exists().where(PAPERS.c.digest == _F.digest))
_IDLE: Final = (
    select(_F.digest)
    .where(_NAMED_ONCE, ~exists().where(NAMINGS.c.digest == _F.digest))
    .where(~exists().where(PAPERS.c.digest == _F.digest, PAPERS.c.held.is_(True)))
    .group_by(_F.digest)
    .having(func.max(_F.put_at) < bindparam("before"))
)


def leave_files(connection: Connection, *, after: str, before: int, now: int, limit: int) -> Leaving:
    """Of the next `limit` files: mark those that may go, unmark those that are named again, tell which go now."""
    page = connection.execute(_PAGE, {"past": after, "most": limit}).all()
    asked = _as_digests(row.digest for row in page)
    dialect = name_of(connection)
    mentioned = {
        row.digest for table in (MENTIONS, PAPERS) for row in connection.execute(_among(table, dialect), asked)
    }
    held = connection.execute(_among(PAPERS, dialect).where(PAPERS.c.held.is_(True)), asked).scalars()
    named = {*connection.execute(_among(NAMINGS, dialect), asked).scalars(), *held}
    idle = [row for row in page if row.digest in mentioned - named]
    _unmark(connection, [row.digest for row in page if row.digest in named and row.leaving_at is not None])
    _mark(connection, [row.digest for row in idle if row.staying and row.put_at < before], before=before, now=now)
    gone = tuple(row.digest for row in idle if _is_over(row, now))
    return Leaving(through=page[-1].digest if page else None, gone=gone, put_before=now - GRACE)


def forget_files(connection: Connection, *, digests: Collection[str]) -> int:
    """Delete who put these, unless it was put again meanwhile; how many files."""
    marked = (_F.digest.in_(_given(name_of(connection))), _F.leaving_at.is_not(None))
    connection.execute(delete(FILES).where(*marked), _as_digests(digests))
    return len(digests)


def count_idle(connection: Connection, *, before: int) -> int:
    """How many files may go."""
    return connection.execute(select(func.count()).select_from(_IDLE.subquery()), {"before": before}).scalar_one()


def _is_over(row: AnyRow, now: int) -> bool:
    return not row.staying and row.leaving_at <= now - GRACE


@cache
def _given(dialect: str) -> Select[tuple[str]]:
    return select(given(dialect, _DIGEST).c.digest)


@cache
def _among(table: Table, dialect: str) -> Select[Any]:
    return select(table.c.digest).distinct().where(table.c.digest.in_(_given(dialect)))


def _mark(connection: Connection, digests: Collection[str], *, before: int, now: int) -> None:
    """Only rows of before the term: one that is put in this moment stays."""
    stale = (_F.digest.in_(_given(name_of(connection))), _F.leaving_at.is_(None), _F.put_at < before)
    if digests:
        connection.execute(update(FILES).where(*stale).values(leaving_at=now), _as_digests(digests))


def _unmark(connection: Connection, digests: Collection[str]) -> None:
    mine = _F.digest.in_(_given(name_of(connection)))
    if digests:
        connection.execute(update(FILES).where(mine).values(leaving_at=None), _as_digests(digests))


def _as_digests(digests: Iterable[str]) -> dict[str, Any]:
    return as_given({"digest": digest} for digest in sorted(set(digests)))
