"""Institutions that hang, wake up and count what is asked of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from gateway.bootstrap.homes import new_key
from gateway.core.party import Link, Party, Standing
from gateway.crypto.keys import PrivateKey
from tests.harness.gateway import AUDIT, Gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import PATIENCE, Push, Recipient


@dataclass(slots=True)
class Sluice:
    """Lets an institution's answers out one by one; `under_way` requests wait for theirs, `most` at once so far."""

    under_way: int = 0
    most: int = 0
    _permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def attach(self, recipient: Recipient) -> None:
        """From now on every answer of the recipient waits here, and nowhere else."""

        async def wait(push: Push) -> bytes:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self._changed.set()
            try:
                await self._permits.acquire()
            finally:
                self.under_way -= 1
            return recipient.receipt(push)

        recipient.script.clear()
        recipient.script.extend([wait] * 1000)

    def let(self, count: int) -> None:
        """Answer so many."""
        for _ in range(count):
            self._permits.release()

    async def holds(self, count: int) -> None:
        """Return when so many requests wait at once."""
        async with asyncio.timeout(PATIENCE):
            while self.under_way != count:
                self._changed.clear()
                await self._changed.wait()


async def register(gateway: Gateway, recipient: Recipient, *, link: Link | None = None) -> None:
    """A live bank that is pushed to."""
    now, public = gateway.clock.now(), recipient.keys[recipient.id].public
    party = Party(
        id=recipient.id,
        role="institution",
        kind="bank",
        name=recipient.id,
        standing=Standing.LIVE,
        adapter="native",
        endpoint=recipient.url(),
        link=link or Link(),
    )
    key = new_key(recipient.id, public.to_pem(), public.serial_no, now=now)
    await gateway.store.add(party, [key], now=now, audit=AUDIT)
    await gateway.parts.roster.refresh()


@asynccontextmanager
async def banks(gateway: Gateway, *names: str, link: Link | None = None) -> AsyncIterator[Sequence[Recipient]]:
    """Banks with servers of their own."""
    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(Recipient(name, {name: PrivateKey.generate()}).serving()) for name in names
        ]
        for recipient in found:
            await register(gateway, recipient, link=link)
        yield found


async def ask(gateway: Gateway, recipient: str, count: int, *, prefix: str = "m") -> list[str]:
    """Applications to a recipient, each of an order of its own; their ids."""
    platform = Caller(gateway, "platform", "platform")
    ids = [f"{prefix}-{recipient}-{number}" for number in range(count)]
    for number in ids:
        event = platform.event("guarantee.application.v1", f"DD-{number}", id=number, recipient=recipient)
        answer = await platform.post(encode(event))
        assert answer.status == 202, answer.body
    return ids
