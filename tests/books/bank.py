"""The simulated bank beside a steered gateway, on the gateway's clock, and what its ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.simulator import Institution, InstitutionOptions, KeyIdentity
from tests.harness.fake_clock import FakeClock
from tests.harness.gateway import PATIENCE, Gateway


class Hasty:
    """The gateway's instants, but no wait of the bank's lasts."""

    def __init__(self, clock: FakeClock) -> None:
        self.now = clock.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Watched:
    """The bank's ledger as it grows."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._grown = asyncio.Event()

    def observe(self, entry: dict[str, Any]) -> None:
        """Take in an entry."""
        self.entries.append(entry)
        self._grown.set()

    async def sent(self, type_: str, count: int = 1) -> dict[str, Any]:
        """The `count`-th accepted message of a type, once it is accepted."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self._sent(type_)) < count:
                self._grown.clear()
                await self._grown.wait()
        return found[count - 1]

    def _sent(self, type_: str) -> list[dict[str, Any]]:
        return [e for e in self.entries if e["kind"] == "sent" and e["type"] == type_ and e["httpStatus"] == 202]


@asynccontextmanager
async def run_bank(gateway: Gateway, ledger: Path) -> AsyncIterator[Watched]:
    """The bank xmccb on its mailbox."""
    watched = Watched()
    options = InstitutionOptions(
        identity=KeyIdentity("xmccb", gateway.keys["xmccb"]),
        gateway=f"http://127.0.0.1:{gateway.port}",
        ledger=ledger,
        pinned=(gateway.keys["gateway"].public,),
        wait=0,
        observe=watched.observe,
    )
    bank = Institution(options, Hasty(gateway.clock))
    await bank.start()
    try:
        yield watched
    finally:
        await bank.stop()
