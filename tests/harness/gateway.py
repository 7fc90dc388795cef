"""A gateway in the test's own process and loop: real sockets, real database, real bus, the test's clock.

Its services run when the test says so: `turn` is one round of each, `deliver` goes on until nothing is due.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway.bootstrap import found_home
from gateway.bootstrap.homes import open_home_store
from gateway.bootstrap.parts import Parts
from gateway.bootstrap.process import Process
from gateway.catalogue import Catalogue, load_catalogue
from gateway.config import SETTINGS_FILE, Settings, load_settings, render_home_file
from gateway.core.party import Key, KeyStatus, Party, Standing
from gateway.crypto.keys import PrivateKey
from gateway.flow.service import Loop
from gateway.ports import Audit, Handle, PartyChange, Publication, Store, Subscription, Wakeup
from gateway.store import open_store
from tests.chaos.unsure import UnsureBus
from tests.harness.fake_clock import SECOND, START, FakeClock
from tests.harness.masking_watch import WATCH

PATIENCE = 20.0
DAY = 86_400 * SECOND
AUDIT = Audit(actor="tester", action="test", about="gateway", reason="a test")
CATALOGUE = load_catalogue()


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key to register: `name` is what tests call it, the times are days from the clock's start."""

    name: str
    status: KeyStatus = KeyStatus.ACTIVE
    first_day: int = -1
    last_day: int = 3650
    ended: bool = False


PARTIES: Mapping[Party, tuple[KeyRow, ...]] = {
    Party(id=number, role=role, kind=kind, name=number, standing=standing, adapter="mailbox"): keys
    for number, role, kind, standing, keys in (
        ("platform", "platform", None, Standing.LIVE, (KeyRow("platform"),)),
        (
            "xmccb",
            "institution",
            "bank",
            Standing.LIVE,
            (
                KeyRow("xmccb"),
                KeyRow("second"),
                KeyRow("next", KeyStatus.NEXT),
                KeyRow("retired", KeyStatus.RETIRED, ended=True),
                KeyRow("revoked", KeyStatus.REVOKED, ended=True),
                KeyRow("expired", last_day=0),
                KeyRow("early", first_day=1),
            ),
        ),
        ("picc", "institution", "insurer", Standing.LIVE, (KeyRow("picc"),)),
        ("newbank", "institution", "bank", Standing.REGISTERED, (KeyRow("newbank"),)),
    )
}


@dataclass(frozen=True, slots=True)
class Founded:
    """A home with parties and keys, to be copied for each test."""

    folder: Path
    keys: Mapping[str, PrivateKey]


def found(folder: Path) -> Founded:
    """Make the home on SQLite, with every party of PARTIES."""
    names = ["gateway", "unknown", *(row.name for rows in PARTIES.values() for row in rows)]
    founded = Founded(folder, {name: PrivateKey.generate() for name in names})
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "gateway.pem").touch(mode=0o600)
    (folder / "keys" / "gateway.pem").write_text(founded.keys["gateway"].to_pem())
    (folder / SETTINGS_FILE).write_text(render_home_file({"environment": "sandbox", "development": True}))
    on_database(founded, {})
    return founded


def on_database(founded: Founded, env: Mapping[str, str]) -> None:
    """Fill the empty database that the settings name. In a thread of its own: the caller may be inside a loop."""
    settings = load_settings(founded.folder, env)
    with ThreadPoolExecutor(1) as apart:
        apart.submit(lambda: asyncio.run(_fill(settings, founded))).result()


async def _fill(settings: Settings, founded: Founded) -> None:
    await found_home(settings, actor="tester", now=START)
    async with open_home_store(settings) as store:
        for party, rows in PARTIES.items():
            await store.add(party, [_key(row, party.id, founded) for row in rows], now=START, audit=AUDIT)


def _key(row: KeyRow, owner_id: str, founded: Founded) -> Key:
    public = founded.keys[row.name].public
    return Key(
        owner_id=owner_id,
        serial_no=public.serial_no,
        public_pem=public.to_pem(),
        status=row.status,
        not_before=START + row.first_day * DAY,
        not_after=START + row.last_day * DAY,
        ended_at=START - 1 if row.ended else None,
    )


class WatchedBus:
    """A bus that knows when every wake-up that it confirmed was worked off."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self._changed = asyncio.Event()
        self.published = 0
        self.finished = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Count what was confirmed."""
        confirmed: frozenset[int] = await self._bus.publish(batch)
        self.published += len(confirmed)
        return confirmed

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> Subscription:
        """Count what was handled."""

        async def watched(wakeup: Wakeup) -> None:
            try:
                await handle(wakeup)
            finally:
                self.finished += 1
                self._changed.set()

        subscription: Subscription = await self._bus.subscribe(recipient, prefetch=prefetch, handle=watched)
        return subscription

    async def idle(self) -> None:
        """Return when as many wake-ups were handled as were confirmed."""
        async with asyncio.timeout(PATIENCE):
            while self.finished < self.published:
                self._changed.clear()
                await self._changed.wait()


class SteeredParts(Parts):
    """Parts whose bus is watched, and whose catalogue all tests share."""

    @cached_property
    def bus(self) -> Any:
        """The bus that the settings name."""
        return WatchedBus(Parts.bus.func(self))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Types and schemas, loaded once."""
        return CATALOGUE


class SteeredProcess(Process):
    """A process whose services take no step of their own."""

    def _make_loops(self) -> Sequence[Loop]:
        return ()


class Journal:
    """The process's log: events with their fields, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        """Keep an event of any level."""
        self.events.append((event, fields))
        WATCH.see_event(event, fields)

    warning = error = debug = info

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of every event of this name."""
        return [fields for name, fields in self.events if name == event]


@dataclass
class Gateway:
    """A running gateway and the hands on its wheel. `keys` hold everybody's private keys by their names in PARTIES."""

    settings: Settings
    keys: Mapping[str, PrivateKey]
    clock: FakeClock = field(default_factory=FakeClock)
    log: Journal = field(default_factory=Journal)
    port: int = 0
    parts: SteeredParts = field(init=False)
    process: Process = field(init=False)

    async def start(self, *, steered: bool = True) -> None:
        """Start all roles; with `steered=False` the services run by themselves, on the test's clock."""
        store = open_store(self.settings.database)
        await store.open()
        self.parts = SteeredParts(self.settings, store, self.clock, self.log)  # type: ignore[arg-type]
        self.process = (SteeredProcess if steered else Process)(self.parts, "all")
        self.port = await self.process.start()
        async with asyncio.timeout(PATIENCE):
            while not self.parts.bus.state().connected:  # noqa: ASYNC110 - a broker sets no event of ours
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop as SIGTERM would."""
        await self.process.stop()

    @property
    def store(self) -> Store:
        """The store's ports."""
        return self.parts.store

    async def turn(self) -> None:
        """One round of every service; attempts that it begins may still be under way."""
        await self.parts.roster.refresh()
        await self.parts.deliverer.beat()
        await self.parts.deliverer.consume()
        await self.parts.timers.sweep()
        await self.parts.timers.wake_again()
        while await self.parts.relay._step():
            continue

    async def deliver(self) -> None:
        """Rounds until nothing more is due and every attempt has ended."""
        before = -1
        while self.parts.bus.published != before:
            before = self.parts.bus.published
            await self.turn()
            await self.parts.bus.idle()

    async def after(self, seconds: float) -> None:
        """Move the clock and do what is due then."""
        self.clock.advance(seconds)
        await self.deliver()

    def lose(self, share: float) -> UnsureBus:
        """From now on this share of what the relay publishes is confirmed and lost, as a broker may: by this bus."""
        relay: Any = self.parts.relay._step.__self__  # type: ignore[attr-defined]
        relay._bus = unsure = UnsureBus(self.parts.bus, lost=share)
        return unsure

    async def change(self, party_id: str, **fields: Any) -> None:
        """Change a party as an operator would, and notice it."""
        await self.store.change(party_id, PartyChange(**fields), now=self.clock.now(), audit=AUDIT)
        await self.parts.roster.refresh()

    async def alerts(self) -> list[tuple[str, str]]:
        """Code and subject of every open alert, sorted."""
        return sorted((alert.code, alert.about) for alert, _, _ in await self.store.alerts())


@asynccontextmanager
async def run_gateway(founded: Founded, folder: Path, *, steered: bool = True, **env: str) -> AsyncIterator[Gateway]:
    """A gateway on a copy of the founded home; `env` are settings as WGG_ variables, without the prefix."""
    home = folder / "home"
    shutil.copytree(founded.folder, home)
    variables = {"LISTEN__PORT": "0", **env}
    settings = load_settings(home, {f"WGG_{name}": value for name, value in variables.items()})
    gateway = Gateway(settings, founded.keys)
    await gateway.start(steered=steered)
    try:
        yield gateway
    finally:
        await gateway.stop()
