"""Parties and keys; each change raises the revision, under whose lock all changes stand in line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.core.party import Directory, Key, KeyStatus, Link, Party, Standing
from gateway.ports import Audit, Duplicate, Missing, PartyChange
from gateway.store.books import write_audit
from gateway.store.evidence_tables import KEY_EVENTS
from gateway.store.resume import resume, retry_elsewhere
from gateway.store.rows import AnyRow
from gateway.store.schema import KEYS, PARTIES, REVISION

_PARTY_COLUMNS: Final = tuple(column.name for column in PARTIES.c)
_KEY_COLUMNS: Final = tuple(column.name for column in KEYS.c)

_RAISE: Final = update(REVISION).values(number=REVISION.c.number + 1)
_HOLD: Final = select(REVISION.c.number).with_for_update()
_PARTY: Final = select(PARTIES).where(PARTIES.c.id == bindparam("whose"))
_SERIALS: Final = select(KEYS.c.serial_no).where(KEYS.c.serial_no.in_(bindparam("serials", expanding=True)))
_KEEP: Final = (
    update(PARTIES)
    .where(PARTIES.c.id == bindparam("whose"))
    .values({name: bindparam(f"new_{name}") for name in _PARTY_COLUMNS if name != "id"})
)


def revision(connection: Connection) -> int:
    """The number that rises with every change."""
    number: int = connection.execute(select(REVISION.c.number)).scalar_one()
    return number


def directory(connection: Connection) -> Directory:
    """All parties and keys. The revision is read first, so that what changes meanwhile is read again soon."""
    number = revision(connection)
    parties = {row.id: _party(row) for row in connection.execute(select(PARTIES).order_by(PARTIES.c.id))}
    rows = connection.execute(select(KEYS).order_by(KEYS.c.owner_id, KEYS.c.not_before, KEYS.c.serial_no))
    keys = {(row.owner_id, row.serial_no): _key(row) for row in rows}
    return Directory(revision=number, parties=MappingProxyType(parties), keys=MappingProxyType(keys))


def add(connection: Connection, *, party: Party, keys: Sequence[Key], now: int, audit: Audit) -> None:
    """Register a party with its keys. Raises Duplicate."""
    _begin_change(connection, audit, now)
    if connection.execute(_PARTY, {"whose": party.id}).first() is not None:
        raise Duplicate(f"party {party.id}")
    connection.execute(insert(PARTIES), {"id": party.id} | _party_row(party))
    _insert_keys(connection, keys, audit, now)


def change(connection: Connection, *, party_id: str, change: PartyChange, now: int, audit: Audit) -> Party:
    """Change a party, and let its deliveries go on where the change allows it. Raises Missing."""
    _begin_change(connection, audit, now)
    before = _find(connection, party_id)
    given = {name: getattr(change, name) for name in PartyChange.__dataclass_fields__}
    after = replace(before, **{name: value for name, value in given.items() if value is not None})
    row = {f"new_{name}": value for name, value in _party_row(after).items()}
    connection.execute(_KEEP, {"whose": party_id} | row)
    if after.adapter != before.adapter:
        retry_elsewhere(connection, party_id, now=now)
    elif change.paused is False or change.gone is False:
        resume(connection, party_id, now=now)
    return after


def add_key(connection: Connection, *, key: Key, now: int, audit: Audit) -> None:
    """Register one more key. Raises Duplicate or Missing."""
    _begin_change(connection, audit, now)
    _find(connection, key.owner_id)
    _insert_keys(connection, [key], audit, now)


def end_key(
    connection: Connection, *, owner_id: str, serial_no: str, status: KeyStatus, now: int, audit: Audit
) -> None:
    """Retire or revoke a key. Raises Missing. The first end stands; a revoked key is never made merely retired."""
    _begin_change(connection, audit, now)
    named = (KEYS.c.owner_id == owner_id, KEYS.c.serial_no == serial_no)
    row = connection.execute(select(KEYS).where(*named)).first()
    if row is None:
        raise Missing(f"key {owner_id} {serial_no}")
    if row.status != KeyStatus.REVOKED:
        ended_at = now if row.ended_at is None else min(row.ended_at, now)
        connection.execute(update(KEYS).where(*named).values(status=status.value, ended_at=ended_at))
        ended = replace(_key(row), status=status, ended_at=ended_at)
        _note_keys(connection, [ended], event=status.value, audit=audit, now=now)


def _begin_change(connection: Connection, audit: Audit, now: int) -> None:
    connection.execute(_RAISE)
    write_audit(connection, audit, now=now)


def _find(connection: Connection, party_id: str) -> Party:
    row = connection.execute(_PARTY, {"whose": party_id}).first()
    if row is None:
        raise Missing(f"party {party_id}")
    return _party(row)


def find_locked(connection: Connection, party_id: str) -> Party:
    """The party, held until COMMIT with every other change of parties standing in line. Raises Missing."""
    connection.execute(_HOLD)
    return _find(connection, party_id)


def _insert_keys(connection: Connection, keys: Sequence[Key], audit: Audit, now: int) -> None:
    serials = [key.serial_no for key in keys]
    known = set(connection.execute(_SERIALS, {"serials": serials}).scalars()) if serials else set()
    if known or len(set(serials)) < len(serials):
        raise Duplicate(f"key {', '.join(sorted(known) or serials)}")
    if keys:
        connection.execute(insert(KEYS), [_key_row(key) for key in keys])
        _note_keys(connection, keys, event="registered", audit=audit, now=now)


def _note_keys(connection: Connection, keys: Sequence[Key], *, event: str, audit: Audit, now: int) -> None:
    """The history of keys, for the evidence: how each stands from now on, and why."""
    why = {"at": now, "event": event, "actor": audit.actor, "reason": audit.reason}
    connection.execute(insert(KEY_EVENTS), [_key_row(key) | why for key in keys])


def _party(row: AnyRow) -> Party:
    values = row._asdict()
    link = json.loads(values.pop("link"))
    link["networks"] = tuple(link["networks"])
    return Party(**values | {"standing": Standing(row.standing), "link": Link(**link)})


def _party_row(party: Party) -> dict[str, Any]:
    names = ("role", "kind", "name", "adapter", "endpoint", "paused", "gone")
    link = json.dumps(asdict(party.link), ensure_ascii=False)
    return {name: getattr(party, name) for name in names} | {"standing": party.standing.value, "link": link}


def _key(row: AnyRow) -> Key:
    return Key(**row._asdict() | {"status": KeyStatus(row.status)})


def _key_row(key: Key) -> dict[str, Any]:
    return {name: getattr(key, name) for name in _KEY_COLUMNS} | {"status": key.status.value}
