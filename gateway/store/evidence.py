"""The chain: what is not sealed yet, found in order; blocks written; how far each kind is done.

Numbers of a table may be seen out of their order where many transactions write at once. So a kind is done only up to a
number below which every transaction that could still bring one has ended: the horizon is noted when the number is seen,
and passed when the database says so (PostgreSQL, "System Information Functions", snapshots). Above it, rows that have
their leaf are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    not_,
    select,
)
from sqlalchemy import insert as plain_insert

from gateway.core.evidence.block import LEAVES as LEAVES_A_BLOCK
from gateway.core.evidence.block import Block, link_heights
from gateway.core.evidence.leaves import MESSAGE, Leaf, make_leaf
from gateway.crypto.digest import sm3
from gateway.ports import Audit
from gateway.ports.evidence import ChainStatus, Mark, Prospect
from gateway.store.books import write_audit
from gateway.store.dialect import (
    POSTGRESQL,
    Types,
    as_columns,
    as_ids,
    given_columns,
    given_ids,
    insert,
    insert_columns,
    name_of,
)
from gateway.store.evidence_tables import BLOCKS, CASE_ORDERS, CURSORS, EXPORTS, LEAVES, STAMPS
from gateway.store.leaf_sources import SOURCES, Source
from gateway.store.rows import AnyRow
from gateway.store.schema import SUBJECTS
from gateway.store.together import Call, run_together

_PLACED: Final[Types] = {column.name: column.type for column in LEAVES.c}
_NAMED: Final[Types] = {"subject": Text()}
_CURSOR: Final[Types] = {"kind": Text(), "done": BigInteger(), "pending": BigInteger(), "horizon": BigInteger()}
_BLOCK: Final = plain_insert(BLOCKS)
_DONE: Final = bindparam("done", type_=BigInteger())
TOP: Final = bindparam("top", type_=BigInteger())
HIGHEST: Final = 1 << 62
"""Above every number."""


def prospect(connection: Connection, *, limit: int) -> Prospect:
    """What the next blocks may hold; the order of the questions is what makes the horizon right."""
    finished = _snapshot(connection, "pg_snapshot_xmin")
    done = {row.kind: row.done for row in connection.execute(select(CURSORS))}
    tops = {source.kind: connection.execute(select(func.max(source.number))).scalar() or 0 for source in SOURCES}
    begun = _snapshot(connection, "pg_snapshot_xmax")
    leaves: list[Leaf] = []
    marks = []
    for source in SOURCES:
        room = limit - len(leaves)
        found = _unsealed(connection, source, done.get(source.kind, 0), room) if room else []
        leaves += found
        full = len(found) == room
        through = (found[-1].number if found else done.get(source.kind, 0)) if full else tops[source.kind]
        marks.append(Mark(kind=source.kind, through=through))
    height = (connection.execute(select(func.max(BLOCKS.c.height))).scalar() or 0) + 1
    last = height + max(0, len(leaves) - 1) // LEAVES_A_BLOCK
    named = {below for each in range(height, last + 1) for below in link_heights(each) if below < height}
    below = _digests(connection, sorted(named))
    return Prospect(height=height, below=below, leaves=leaves, marks=marks, finished=finished, begun=begun)


def seal(connection: Connection, *, blocks: Sequence[Block], prospect: Prospect) -> None:
    """Write blocks; IntegrityError when one of their heights or leaves is sealed already."""
    connection.execute(_BLOCK, [_block_row(block) for block in blocks])
    leaves = iter(prospect.leaves)
    placed = [
        _place(leaf, block.header.height, place)
        for block in blocks
        for place, leaf in enumerate(islice(leaves, block.header.count))
    ]
    dialect = name_of(connection)
    named = sorted({leaf.subject for leaf in prospect.leaves if leaf.kind == MESSAGE and leaf.subject})
    followed = as_columns(dialect, _NAMED, [{"subject": subject} for subject in named])
    placing = Call(_placing(dialect), as_columns(dialect, _PLACED, placed))
    run_together(connection, [placing, Call(_following(dialect), followed) if named else None])
    _advance(connection, prospect)


def _block_row(block: Block) -> dict[str, Any]:
    header = block.header
    row = {"height": header.height, "digest": block.digest, "header": block.raw, "signature": block.signature}
    return row | {"sealed_at": header.sealed_at}


def _place(leaf: Leaf, height: int, place: int) -> dict[str, Any]:
    row = {"kind": leaf.kind, "number": leaf.number, "height": height, "place": place, "hash": leaf.hash.hex()}
    return row | {"subject": leaf.subject}


def keep_export(connection: Connection, *, digest: str, signature: str, now: int, audit: Audit) -> str:
    """Write who exported what; the signature that stands for this manifest from its first export on."""
    write_audit(connection, audit, now=now)
    row = {"digest": digest, "signature": signature, "exported_at": now}
    connection.execute(insert(name_of(connection), EXPORTS).on_conflict_do_nothing(), row)
    kept: str = connection.execute(select(EXPORTS.c.signature).where(EXPORTS.c.digest == digest)).scalar_one()
    return kept


def unstamped_head(connection: Connection) -> tuple[int, bytes] | None:
    """Height and header of the newest block, unless it is stamped."""
    joined = BLOCKS.outerjoin(STAMPS, STAMPS.c.height == BLOCKS.c.height)
    newest = select(BLOCKS.c.height, BLOCKS.c.header, STAMPS.c.stamped_at).select_from(joined)
    row = connection.execute(newest.order_by(BLOCKS.c.height.desc()).limit(1)).first()
    return None if row is None or row.stamped_at is not None else (row.height, row.header)


def keep_stamp(connection: Connection, *, height: int, token: bytes, now: int) -> None:
    """Keep a timestamp; the first one of a block stays."""
    row = {"height": height, "token": token, "stamped_at": now}
    connection.execute(insert(name_of(connection), STAMPS).on_conflict_do_nothing(), row)


def status(connection: Connection) -> ChainStatus:
    """Where the chain stands, and what waits for it."""
    head = connection.execute(select(BLOCKS).order_by(BLOCKS.c.height.desc()).limit(1)).first()
    done = {row.kind: row.done for row in connection.execute(select(CURSORS))}
    since = {source: {"done": done.get(source.kind, 0)} for source in SOURCES}
    waits = {source: connection.execute(_waiting(source), above).scalar_one() for source, above in since.items()}
    ages = [
        connection.execute(_oldest(source), since[source] | {"top": HIGHEST}).scalar()
        for source, count in waits.items()
        if count
    ]
    return ChainStatus(
        height=head.height if head else 0,
        digest=head.digest if head else None,
        sealed_at=head.sealed_at if head else None,
        behind=sum(waits.values()),
        oldest_at=min((age for age in ages if age is not None), default=None),
    )


def _snapshot(connection: Connection, name: str) -> int:
    """A number of the current snapshot; one writer at a time needs none."""
    if name_of(connection) != POSTGRESQL:
        return 0
    current = getattr(func, name)(func.pg_current_snapshot())
    number: int = connection.execute(select(cast(cast(current, Text), BigInteger))).scalar_one()
    return number


def is_fresh(source: Source, above: Any) -> ColumnElement[bool]:
    """Rows of the kind above a number and up to TOP that have no leaf.

    Rows and leaves are both bounded on both sides: the server plans without knowing the numbers, and with one bound it
    takes a third of the table for wanted and reads all of it, however long the chain has grown.
    """
    leaf = and_(LEAVES.c.kind == source.kind, LEAVES.c.number == source.number)
    sealed = exists().where(leaf, LEAVES.c.number > above, LEAVES.c.number <= TOP)
    return and_(source.number > above, source.number <= TOP, not_(sealed))


@cache
def _taking(source: Source) -> Select[Any]:
    return (
        select(*source.columns())
        .select_from(source.rows)
        .where(is_fresh(source, _DONE))
        .order_by(source.number)
        .limit(bindparam("most"))
    )


@cache
def _waiting(source: Source) -> Select[Any]:
    """How many rows above a number have no leaf: all but those that have one, each counted along its index."""
    rows = select(func.count()).select_from(source.number.table).where(source.number > _DONE)
    leaves = select(func.count()).where(LEAVES.c.kind == source.kind, LEAVES.c.number > _DONE)
    return select(rows.scalar_subquery() - leaves.scalar_subquery())


@cache
def _oldest(source: Source) -> Select[Any]:
    """When the first of them came: rows are numbered as they come, near enough for an age."""
    rows = select(source.at).select_from(source.number.table).where(is_fresh(source, _DONE))
    return rows.order_by(source.number).limit(1)


def _unsealed(connection: Connection, source: Source, done: int, most: int) -> list[Leaf]:
    (rows,) = run_together(connection, [Call(_taking(source), {"done": done, "top": HIGHEST, "most": most})])
    return [make_leaf(source.kind, source.read_members(row), sm3, subject=row[-1]) for row in rows]


def _digests(connection: Connection, heights: Sequence[int]) -> dict[int, str]:
    rows = select(BLOCKS.c.height, BLOCKS.c.digest).where(BLOCKS.c.height.in_(given_ids(name_of(connection))))
    return {row.height: row.digest for row in connection.execute(rows, as_ids(heights))}


@cache
def _placing(dialect: str) -> Any:
    return insert_columns(dialect, LEAVES, _PLACED)


@cache
def _following(dialect: str) -> Any:
    """Which order belongs to which case: read from the state of the orders that have messages here."""
    number = (
        SUBJECTS.c.order_json.op("::json ->>")("case_no")
        if dialect == POSTGRESQL
        else func.json_extract(SUBJECTS.c.order_json, "$.case_no")
    )
    named = given_columns(dialect, _NAMED)
    same = SUBJECTS.c.subject == named.c.subject
    rows = select(number, SUBJECTS.c.subject).select_from(named.join(SUBJECTS, same)).where(number.is_not(None))
    return insert(dialect, CASE_ORDERS).from_select(["case_no", "subject"], rows).on_conflict_do_nothing()


@cache
def _moving(dialect: str) -> Any:
    statement = insert_columns(dialect, CURSORS, _CURSOR)
    values = {name: statement.excluded[name] for name in ("done", "pending", "horizon")}
    return statement.on_conflict_do_update(index_elements=["kind"], set_=values)


def _advance(connection: Connection, prospect: Prospect) -> None:
    """Move the cursors; the block's insert, before this, lets one process at a time come here."""
    stood = {row.kind: row for row in connection.execute(select(CURSORS))}
    moved = [_move(stood.get(mark.kind), mark, prospect) for mark in prospect.marks]
    dialect = name_of(connection)
    rows = [row for row in moved if row is not None]
    connection.execute(_moving(dialect), as_columns(dialect, _CURSOR, rows))


def _move(stood: AnyRow | None, mark: Mark, prospect: Prospect) -> dict[str, Any] | None:
    if stood is None:
        return {"kind": mark.kind, "done": 0, "pending": mark.through, "horizon": prospect.begun}
    if stood.horizon > prospect.finished or mark.through < stood.pending:
        return None
    return {"kind": mark.kind, "done": stood.pending, "pending": mark.through, "horizon": prospect.begun}
