"""What every part of a process stands on: its settings, keys, catalogue, time, parties, bus and way out."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gateway.bootstrap.homes import load_key, open_legal_time
from gateway.bus import LocalBus, RabbitSettings
from gateway.catalogue import Catalogue, load_areas, load_catalogue
from gateway.catalogue.places import AREAS, find_conf
from gateway.config import Settings
from gateway.core.area import Area
from gateway.core.delivery import SECOND
from gateway.core.legal_time import LegalTime
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.pool import CryptoPool
from gateway.flow.own_messages import Scribe
from gateway.flow.roster import Roster
from gateway.flow.timers import ClockWatch
from gateway.net.client import HttpTransport
from gateway.net.guard import AddressGuard
from gateway.observe import Log
from gateway.ports import Bus, Clock, Store


@dataclass
class Grounds:
    """Each is made once, when it is first asked for; `store` is open already."""

    settings: Settings
    store: Store
    clock: Clock
    log: Log

    @cached_property
    def holder(self) -> str:
        """This process's name in leases: host, process and a word of its own."""
        return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    @cached_property
    def key(self) -> PrivateKey:
        """The gateway's signing key."""
        return load_key(self.settings)

    @cached_property
    def crypto(self) -> CryptoPool:
        """SM2 off the event loop."""
        return CryptoPool(default_provider(), self.settings.crypto_threads)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Types and schemas."""
        return load_catalogue()

    @cached_property
    def areas(self) -> Mapping[str, Area]:
        """Parameters by area and date, the home's own where it has any."""
        return load_areas(find_conf(self.settings.home, AREAS))

    @cached_property
    def legal_time(self) -> LegalTime:
        """Legal time by the settings, and working days, the home's own overrides where it has any."""
        return open_legal_time(self.settings)

    @cached_property
    def roster(self) -> Roster:
        """Parties and keys."""
        return Roster(self.store)

    @cached_property
    def bus(self) -> Bus:
        """The bus that the settings name."""
        options = self.settings.bus_options
        if self.settings.bus == "local":
            return LocalBus()
        from gateway.bus.rabbit import RabbitBus

        return RabbitBus(
            RabbitSettings(
                url=self.settings.bus,
                prefix=options.prefix,
                window=options.window,
                heartbeat=options.heartbeat,
                supervise_every=options.supervise_seconds,
            ),
            log=self._log_bus,
        )

    @cached_property
    def transport(self) -> HttpTransport:
        """Pushes over HTTP, the address guarded."""
        policy = self.settings.endpoint_policy
        return HttpTransport(AddressGuard(allow_loopback=policy.loopback, https_only=not policy.plain_http))

    @cached_property
    def scribe(self) -> Scribe:
        """The gateway's own messages."""
        return Scribe(self.crypto, self.key)

    @cached_property
    def clock_watch(self) -> ClockWatch:
        """The database's clock against ours."""
        return ClockWatch(books=self.store, clock=self.clock, limit=int(self.settings.clock.max_skew_seconds * SECOND))

    def _in_time(self) -> bool:
        """Whether the process's clock agrees with the database's, as far as it was measured."""
        return self.clock_watch.ok

    def _log_bus(self, event: str, **fields: object) -> None:
        """All that the bus tells is trouble, but that it is connected again."""
        (self.log.info if event == "bus.connected" else self.log.warning)(event, **fields)
