"""A home's store and key: opened for a command, founded for a new home.

Source: architecture "What is fixed for people and tests".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.sealing import unlock
from gateway.catalogue import load_calendar
from gateway.catalogue.places import CALENDAR, find_conf
from gateway.config import Settings
from gateway.core.delivery import SECOND
from gateway.core.legal_time import LegalTime
from gateway.core.party import GATEWAY, Key, KeyStatus, Party, Standing
from gateway.crypto.keys import PrivateKey
from gateway.crypto.secret_files import read_secret
from gateway.ports import Audit, Store
from gateway.store import open_store

KEY_VALID_DAYS: Final = 5 * 365
"""How long a newly registered key is valid unless told otherwise (ours; a rotation overlaps well before it)."""

_DAY: Final = 86_400 * SECOND
_GRACE: Final = 300 * SECOND


@asynccontextmanager
async def open_home_store(settings: Settings) -> AsyncIterator[Store]:
    """The home's store for one command. Raises StoreUnavailable, or ValueError for another schema version."""
    store = open_store(settings.database)
    try:
        await store.open()
        await unlock(settings, store, now=SystemClock().now())
        yield store
    finally:
        await store.close()


def load_key(settings: Settings) -> PrivateKey:
    """The gateway's signing key. Raises OSError, SecretExposed for a file that others may read, or KeyFormatError."""
    return PrivateKey.from_pem(read_secret(settings.key_file))


def open_legal_time(settings: Settings) -> LegalTime:
    """The home's legal time. Raises CatalogueError for mistakes in its calendar."""
    calendar = load_calendar(find_conf(settings.home, CALENDAR))
    return LegalTime(calendar=calendar, rate=settings.clock.rate, epoch=settings.clock.epoch * SECOND)


def new_key(owner_id: str, public_pem: str, serial_no: str, *, now: int, status: KeyStatus = KeyStatus.ACTIVE) -> Key:
    """A key as it is registered: valid from now on, and for signatures of clocks that are a little behind."""
    start = (now - _GRACE) // SECOND * SECOND
    return Key(
        owner_id=owner_id,
        serial_no=serial_no,
        public_pem=public_pem,
        status=status,
        not_before=start,
        not_after=now + KEY_VALID_DAYS * _DAY,
    )


async def found_home(settings: Settings, *, actor: str, now: int) -> None:
    """Bring the database to this version's schema and register the gateway with its key, once."""
    from gateway.store.upgrade import upgrade

    await asyncio.to_thread(upgrade, settings.database)
    key = load_key(settings).public
    async with open_home_store(settings) as store:
        if GATEWAY in (await store.directory()).parties:
            return
        party = Party(
            id=GATEWAY, role=GATEWAY, kind=None, name=settings.deployment, standing=Standing.LIVE, adapter="mailbox"
        )
        audit = Audit(actor=actor, action="home.founded", about=GATEWAY, reason="wgg init")
        registered = new_key(GATEWAY, key.to_pem(), key.serial_no, now=now)
        await store.add(party, [registered], now=now, audit=audit)
