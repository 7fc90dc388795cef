"""What the bus's tests share: publications, a recording handler, a journal of events, bounded waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection

from gateway.ports import Publication, Wakeup

PATIENCE = 60.0


async def eventually(condition: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Return once a condition of the outside world holds."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - brokers and sockets set no event of ours
            await asyncio.sleep(0.005)


async def count_becomes(read: Callable[[], Awaitable[int | None]], wanted: int) -> None:
    """Return once a count that the bus reads from its broker is the wanted one."""
    async with asyncio.timeout(PATIENCE):
        while await read() != wanted:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.005)


def publication(number: int, recipient: str = "xmccb", *, size: int = 64) -> Publication:
    """A publication whose bytes and headers show its number."""
    return Publication(
        delivery_id=number,
        recipient=recipient,
        type="guarantee.issued.v1",
        body=b'{"id":"m-%d"} ' % number + b"x" * size,
        headers={
            "cloudEvents:id": f"m-{number}",
            "cloudEvents:source": "platform",
            "cloudEvents:subject": "保函-1",
            "gzbzj-origin": 'GZBZJ1-SM2-WITH-SM3 sender_id="platform"',
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
    )


class Recorder:
    """A handler that keeps what it was given; it waits at its `gate` when that is closed."""

    def __init__(self, *, failures: int = 0) -> None:
        self.begun: list[Wakeup] = []
        self.finished: list[Wakeup] = []
        self.running = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._failures = failures

    async def __call__(self, wakeup: Wakeup) -> None:
        self.begun.append(wakeup)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        if len(self.begun) <= self._failures:
            raise RuntimeError("as the test wants it")
        self.finished.append(wakeup)

    @property
    def ids(self) -> list[int]:
        """Delivery ids in the order in which they were finished."""
        return [wakeup.delivery_id for wakeup in self.finished]

    async def has_begun(self, count: int) -> None:
        """Return once so many wake-ups were begun."""
        await eventually(lambda: len(self.begun) >= count)

    async def has_seen(self, ids: Collection[int]) -> None:
        """Return once all these deliveries were finished."""
        await eventually(lambda: set(ids) <= set(self.ids))


class Journal:
    """Keeps the events that a bus logs."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def __call__(self, event: str, **fields: object) -> None:
        self.events[event] += 1
        if "link" in fields:
            self.events[f"{event}:{fields['link']}"] += 1
