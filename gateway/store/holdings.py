"""Gathers what a bundle is made of, in one reading transaction and a constant number of statements.

All of it is read of one moment: what is sealed while it is gathered is not half in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, Text, and_, bindparam, func, null, or_, select

from gateway.core.errors import Problem
from gateway.core.evidence.block import join_ways
from gateway.core.evidence.holdings import CASE, GUARANTEE, ORDER, Held, Holdings, Lost, Scope, Sealed
from gateway.core.evidence.leaves import AUDIT, CLOCK, CLOCK_EVENT, KEY, MESSAGE, RECEIPT
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import parse_authorization
from gateway.ports import Missing
from gateway.store.clock_tables import CLOCK_EVENTS, CLOCKS
from gateway.store.dialect import POSTGRESQL, Types, as_given, as_ids, given, given_ids, name_of
from gateway.store.evidence import HIGHEST, is_fresh
from gateway.store.evidence_tables import BLOCKS, CASE_ORDERS, CURSORS, KEY_EVENTS, LEAVES, STAMPS
from gateway.store.file_tables import GUARANTEES
from gateway.store.leaf_sources import KINDS, SOURCES, Source
from gateway.store.rows import AnyRow
from gateway.store.schema import AUDITS, DELIVERIES, MESSAGES, RECEIPTS, SUBJECTS

Keys = dict[str, set[int]]

_TEXTS: Final[Types] = {"text": Text()}
_BODIES: Final[Mapping[str, Any]] = {MESSAGE: MESSAGES.c.body, RECEIPT: RECEIPTS.c.body}
_VALUE: Final = bindparam("value", type_=Text())
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def gather(connection: Connection, *, scope: Scope) -> Holdings:
    """All that is sealed of what the scope names. Raises Missing where nothing is."""
    if name_of(connection) == POSTGRESQL:
        connection.exec_driver_sql(_ONE_MOMENT)
    subjects = _find_subjects(connection, scope)
    wanted = _of_subjects(connection, subjects) if subjects else _of_message(connection, scope)
    held = _load(connection, wanted)
    if not any(leaf.kind == MESSAGE for leaf in held):
        raise Missing(f"{scope.kind} {scope.value}")
    around = _around(connection, held, subjects)
    leaves = sorted([*held, *_load(connection, around)], key=lambda leaf: (leaf.kind, leaf.number))
    lost = _find_lost(connection, wanted, held)
    clocks = {leaf.members["clock"] for leaf in held if leaf.kind == CLOCK}
    return Holdings(
        leaves=leaves,
        blocks=_blocks(connection, {leaf.height for leaf in leaves} | {leaf.height for leaf in lost}),
        subjects=_reached(connection, _POSITIONS, subjects),
        clocks=_reached(connection, _STEPS, clocks),
        lost=lost,
    )


@cache
def _texts(dialect: str) -> Select[tuple[str]]:
    return select(given(dialect, _TEXTS).c.text)


def _as_texts(texts: Iterable[str]) -> dict[str, str]:
    return as_given({"text": text} for text in sorted(texts))


def _find_subjects(connection: Connection, scope: Scope) -> set[str]:
    """The business numbers that the scope covers whole; none for a single message."""
    if scope.kind == ORDER:
        return {scope.value}
    if scope.kind == CASE:
        orders = select(CASE_ORDERS.c.subject).where(CASE_ORDERS.c.case_no == _VALUE)
        return {scope.value, *connection.execute(orders, {"value": scope.value}).scalars()}
    if scope.kind == GUARANTEE:
        same = and_(MESSAGES.c.source == GUARANTEES.c.source, MESSAGES.c.id == GUARANTEES.c.message_id)
        issued = select(MESSAGES.c.subject).select_from(GUARANTEES.join(MESSAGES, same))
        found = set(connection.execute(issued.where(GUARANTEES.c.number == _VALUE), {"value": scope.value}).scalars())
        if found:
            return found
        raise Missing(f"{scope.kind} {scope.value}")
    return set()


def _of_subjects(connection: Connection, subjects: Collection[str]) -> Keys:
    rows = select(LEAVES.c.kind, LEAVES.c.number).where(LEAVES.c.subject.in_(_texts(name_of(connection))))
    return _keys(connection.execute(rows, _as_texts(subjects)))


def _of_message(connection: Connection, scope: Scope) -> Keys:
    source, _, number = scope.value.partition("/")
    named = {"source": source, "value": number}
    mine = (DELIVERIES.c.source == bindparam("source"), DELIVERIES.c.message_id == _VALUE)
    told = (RECEIPTS.c.source == bindparam("source"), RECEIPTS.c.message_id == _VALUE)
    return {
        MESSAGE: set(connection.execute(select(DELIVERIES.c.id).where(*mine), named).scalars()),
        RECEIPT: set(connection.execute(select(RECEIPTS.c.id).where(*told), named).scalars()),
    }


def _around(connection: Connection, held: Sequence[Held], subjects: Collection[str]) -> Keys:
    """The history of every key that signed anything here, and what operators did about it."""
    serials = {serial for leaf in held for serial in _serials(leaf)}
    known = or_(KEY_EVENTS.c.serial_no.in_(_texts(name_of(connection))), KEY_EVENTS.c.owner_id == GATEWAY)
    keys = connection.execute(select(KEY_EVENTS.c.id).where(known), _as_texts(serials)).scalars()
    abouts = {f"{leaf.members['source']}/{leaf.members['id']}" for leaf in held if leaf.kind == MESSAGE}
    about = select(AUDITS.c.id).where(AUDITS.c.about.in_(_texts(name_of(connection))))
    audits = connection.execute(about, _as_texts(abouts | set(subjects))).scalars()
    return {KEY: set(keys), AUDIT: set(audits)}


def _serials(leaf: Held) -> tuple[str, ...]:
    if leaf.kind == RECEIPT:
        return (leaf.members["serialNo"],)
    try:
        return (parse_authorization(leaf.members["origin"]).serial_no,) if "origin" in leaf.members else ()
    except Problem:
        return ()


def _keys(rows: Iterable[Any]) -> Keys:
    keys: Keys = defaultdict(set)
    for kind, number in rows:
        keys[kind].add(number)
    return keys


def _load(connection: Connection, wanted: Keys) -> list[Held]:
    return [leaf for source in SOURCES for leaf in _load_kind(connection, source, wanted.get(source.kind, set()))]


def _load_kind(connection: Connection, source: Source, numbers: Collection[int]) -> list[Held]:
    """Those of the numbers that are sealed, with their rows."""
    if not numbers:
        return []
    rows = connection.execute(_loading(source, name_of(connection)), as_ids(numbers))
    return [_held(source, row) for row in rows]


@cache
def _loading(source: Source, dialect: str) -> Select[Any]:
    body = _BODIES.get(source.kind, null())
    sealed = (LEAVES.c.height, LEAVES.c.place, LEAVES.c.hash.label("leaf_hash"))
    columns = [*source.columns(), *sealed, body.label("leaf_body")]
    same = and_(LEAVES.c.kind == source.kind, LEAVES.c.number == source.number)
    rows = select(*columns).select_from(source.rows.join(LEAVES, same))
    return rows.where(source.number.in_(given_ids(dialect))).order_by(source.number)


def _held(source: Source, row: AnyRow) -> Held:
    return Held(
        kind=source.kind,
        number=row.number,
        height=row.height,
        place=row.place,
        hash=bytes.fromhex(row.leaf_hash),
        members=source.read_members(row),
        body=row.leaf_body,
    )


def _find_lost(connection: Connection, wanted: Keys, held: Sequence[Held]) -> list[Lost]:
    """Those of the sealed that were not there to load."""
    there = {(leaf.kind, leaf.number) for leaf in held}
    gone = {kind: {number for number in numbers if (kind, number) not in there} for kind, numbers in wanted.items()}
    lost = []
    for kind, numbers in gone.items():
        if numbers:
            mine = and_(LEAVES.c.kind == bindparam("which"), LEAVES.c.number.in_(given_ids(name_of(connection))))
            rows = connection.execute(select(LEAVES).where(mine), as_ids(numbers) | {"which": kind})
            lost += [_lost(row) for row in rows]
    return sorted(lost, key=lambda leaf: (leaf.kind, leaf.number))


def _lost(row: AnyRow) -> Lost:
    sealed = bytes.fromhex(row.hash)
    return Lost(kind=row.kind, number=row.number, height=row.height, place=row.place, hash=sealed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Count:
    """A count that goes up with each happening of a kind: `last` by `name`; `of` is the same name with the kind."""

    kind: str
    of: Column[str]
    name: Column[str]
    last: Column[int]


_POSITIONS: Final = _Count(kind=MESSAGE, of=DELIVERIES.c.subject, name=SUBJECTS.c.subject, last=SUBJECTS.c.position)
_STEPS: Final = _Count(kind=CLOCK_EVENT, of=CLOCK_EVENTS.c.clock, name=CLOCKS.c.number, last=CLOCKS.c.steps)


def _reached(connection: Connection, count: _Count, names: Collection[str]) -> dict[str, int]:
    """How far each is counted, without what waits to be sealed."""
    asked, dialect = _as_texts(names), name_of(connection)
    late: dict[str, int] = {
        row[0]: row[1] for row in connection.execute(_late(count, dialect), asked | {"top": HIGHEST})
    }
    rows = connection.execute(select(count.name, count.last).where(count.name.in_(_texts(dialect))), asked)
    return {name: last - late.get(name, 0) for name, last in rows}


@cache
def _late(count: _Count, dialect: str) -> Select[str, int]:
    source = KINDS[count.kind]
    done = select(CURSORS.c.done).where(CURSORS.c.kind == source.kind).scalar_subquery()
    fresh = and_(is_fresh(source, func.coalesce(done, 0)), count.of.in_(_texts(dialect)))
    return select(count.of, func.count()).select_from(source.number.table).where(fresh).group_by(count.of)


def _blocks(connection: Connection, full: Collection[int]) -> list[Sealed]:
    """The blocks at these heights, the next one that an authority stamped, and those that lead between them."""
    dated = connection.execute(select(func.min(STAMPS.c.height)).where(STAMPS.c.height >= max(full))).scalar()
    wanted = join_ways(sorted(full if dated is None else {*full, dated}))
    hashes: dict[int, list[bytes]] = defaultdict(list)
    inside = select(LEAVES.c.height, LEAVES.c.hash).where(LEAVES.c.height.in_(given_ids(name_of(connection))))
    for height, kept in connection.execute(inside.order_by(LEAVES.c.height, LEAVES.c.place), as_ids(full)):
        hashes[height].append(bytes.fromhex(kept))
    joined = BLOCKS.outerjoin(STAMPS, STAMPS.c.height == BLOCKS.c.height)
    rows = select(BLOCKS, STAMPS.c.token).select_from(joined).order_by(BLOCKS.c.height)
    found = connection.execute(rows.where(BLOCKS.c.height.in_(given_ids(name_of(connection)))), as_ids(wanted))
    return [
        Sealed(
            height=row.height,
            raw=row.header,
            signature=row.signature,
            hashes=tuple(hashes[row.height]),
            stamp=row.token,
        )
        for row in found
    ]
