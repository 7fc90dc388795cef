"""Gathers what a bundle is made of, in one reading transaction and a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Text, and_, bindparam, func, or_, select

from gateway.core.errors import Problem
from gateway.core.evidence.block import join_ways
from gateway.core.evidence.holdings import CASE, GUARANTEE, ORDER, Held, Holdings, Scope, Sealed
from gateway.core.evidence.leaves import AUDIT, KEY, MESSAGE, RECEIPT
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import parse_authorization
from gateway.ports import Missing
from gateway.store.dialect import Types, as_given, as_ids, given, given_ids, name_of
from gateway.store.evidence_tables import BLOCKS, CASE_ORDERS, KEY_EVENTS, LEAVES, STAMPS
from gateway.store.file_tables import GUARANTEES
from gateway.store.leaf_sources import SOURCES, Source
from gateway.store.schema import AUDITS, DELIVERIES, MESSAGES, RECEIPTS, SUBJECTS

Keys = dict[str, set[int]]

_TEXTS: Final[Types] = {"text": Text()}
_BODIES: Final[Mapping[str, Any]] = {MESSAGE: MESSAGES.c.body, RECEIPT: RECEIPTS.c.body}
_VALUE: Final = bindparam("value", type_=Text())


def gather(connection: Connection, *, scope: Scope) -> Holdings:
    """All that is sealed of what the scope names. Raises Missing where nothing is."""
    subjects = _find_subjects(connection, scope)
    wanted = _of_subjects(connection, subjects) if subjects else _of_message(connection, scope)
    held = _load(connection, wanted)
    if not any(leaf.kind == MESSAGE for leaf in held):
        raise Missing(f"{scope.kind} {scope.value}")
    around = _around(connection, held, subjects)
    leaves = sorted([*held, *_load(connection, around)], key=lambda leaf: (leaf.kind, leaf.number))
    reached = {
        row.subject: row.position
        for row in connection.execute(
            select(SUBJECTS).where(SUBJECTS.c.subject.in_(_texts(name_of(connection)))), _as_texts(subjects)
        )
    }
    return Holdings(leaves=leaves, blocks=_blocks(connection, leaves), subjects=reached)


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
    rows = connection.execute(_loading(source, name_of(connection)), as_ids(numbers)).mappings()
    return [_held(source, dict(row)) for row in rows]


@cache
def _loading(source: Source, dialect: str) -> Select[Any]:
    body = _BODIES.get(source.kind)
    sealed = (LEAVES.c.height, LEAVES.c.place, LEAVES.c.hash.label("leaf_hash"))
    columns = [*source.columns(), *sealed, *([body.label("leaf_body")] if body is not None else [])]
    same = and_(LEAVES.c.kind == source.kind, LEAVES.c.number == source.number)
    rows = select(*columns).select_from(source.rows.join(LEAVES, same))
    return rows.where(source.number.in_(given_ids(dialect))).order_by(source.number)


def _held(source: Source, row: dict[str, Any]) -> Held:
    del row["leaf_subject"]
    height, place, kept = row.pop("height"), row.pop("place"), row.pop("leaf_hash")
    body = row.pop("leaf_body", None)
    return Held(
        kind=source.kind,
        number=row["number"],
        height=height,
        place=place,
        hash=bytes.fromhex(kept),
        members=row,
        body=body,
    )


def _blocks(connection: Connection, leaves: Sequence[Held]) -> list[Sealed]:
    """The blocks of the leaves, the next one that an authority stamped, and those by which they lead to each other."""
    full = {leaf.height for leaf in leaves}
    dated = connection.execute(select(func.min(STAMPS.c.height)).where(STAMPS.c.height >= max(full))).scalar()
    wanted = join_ways(sorted(full if dated is None else full | {dated}))
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
