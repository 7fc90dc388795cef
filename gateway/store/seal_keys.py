"""The data keys as they are kept, wrapped; and the part of the store that seals with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
    update,
)

from gateway.core.sealing import DataKey
from gateway.ports import Audit, Ring
from gateway.store.books import write_audit
from gateway.store.dialect import insert, name_of
from gateway.store.runners import Runner
from gateway.store.schema import METADATA, SERIAL
from gateway.store.sealed import hang_keyring

SEAL_KEYS: Final = Table(
    "seal_keys",
    METADATA,
    Column("id", SERIAL, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("home_serial", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    UniqueConstraint("kind", name="ux_seal_keys_kind"),
)
_REWRAP: Final = (
    update(SEAL_KEYS)
    .where(SEAL_KEYS.c.id == bindparam("number"))
    .values(wrapped=bindparam("anew"), home_serial=bindparam("by"))
)


class SealTables:
    """Implements ports.SealKeys."""

    _runner: Runner
    _ring: Ring | None = None

    @property
    def ring(self) -> Ring | None:
        """What the store was unlocked with."""
        return self._ring

    def unlock(self, ring: Ring) -> None:
        """Seal and open with these keys from now on."""
        self._ring = ring
        for dialect in self._runner.dialects:
            hang_keyring(dialect, ring)

    async def seal_keys(self) -> Sequence[DataKey]:
        """Every data key."""
        return await self._runner.read(seal_keys)

    async def add_seal_keys(self, keys: Sequence[DataKey], *, now: int, audit: Audit) -> None:
        """Keep new data keys."""
        await self._runner.write(partial(add_seal_keys, keys=keys, now=now, audit=audit))

    async def rewrap(self, keys: Sequence[DataKey], *, now: int, audit: Audit) -> None:
        """Keep the same data keys under another home key."""
        await self._runner.write(partial(rewrap, keys=keys, now=now, audit=audit))


def seal_keys(connection: Connection) -> list[DataKey]:
    """Every data key, oldest first."""
    rows = connection.execute(select(SEAL_KEYS).order_by(SEAL_KEYS.c.id)).mappings()
    return [DataKey(**row) for row in rows]


def add_seal_keys(connection: Connection, *, keys: Sequence[DataKey], now: int, audit: Audit) -> None:
    """Insert new data keys and say who made them; of two processes that make one for a class, the first one counts."""
    names = ("kind", "wrapped", "home_serial", "made_at")
    statement = insert(name_of(connection), SEAL_KEYS).on_conflict_do_nothing()
    for key in sorted(keys, key=lambda each: each.kind):
        connection.execute(statement, {name: getattr(key, name) for name in names})
    write_audit(connection, audit, now=now)


def rewrap(connection: Connection, *, keys: Sequence[DataKey], now: int, audit: Audit) -> None:
    """Write the wrapping of every key anew, all or none."""
    if keys:
        connection.execute(_REWRAP, [{"number": key.id, "anew": key.wrapped, "by": key.home_serial} for key in keys])
    write_audit(connection, audit, now=now)
