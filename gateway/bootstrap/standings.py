"""The desk where standings change, for one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from gateway.bootstrap.clock import SystemClock
from gateway.bootstrap.homes import load_key, open_home_store, open_legal_time
from gateway.catalogue import load_areas
from gateway.catalogue.places import AREAS, find_conf
from gateway.config import Settings
from gateway.core.delivery import SECOND
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.flow.own_messages import Scribe
from gateway.flow.standings import StandingDesk
from gateway.observe import get_log
from gateway.ports import Store

_HOUR: Final = 3_600 * SECOND


@asynccontextmanager
async def open_standing_desk(settings: Settings) -> AsyncIterator[tuple[StandingDesk, Store]]:
    """The home's desk and its store. Raises what `load_key` and `open_home_store` raise."""
    key, crypto = load_key(settings), CryptoPool(default_provider(), 1)
    try:
        async with open_home_store(settings) as store:
            desk = StandingDesk(
                registry=store,
                scribe=Scribe(crypto, key),
                areas=load_areas(find_conf(settings.home, AREAS)),
                clock=SystemClock(),
                legal_time=open_legal_time(settings),
                delivery_kept=int(settings.delivery.give_up_hours * _HOUR),
                log=get_log().info,
            )
            yield desk, store
    finally:
        crypto.close()
