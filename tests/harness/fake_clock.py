"""Time that moves when a test says so."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

SECOND = 1_000_000
START = 1_795_219_200 * SECOND


class FakeClock:
    """The port `Clock` for tests: `advance` moves it and wakes whoever slept long enough."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Microseconds UTC."""
        return self._now

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Return when the clock was moved past `seconds` from now."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + int(seconds * SECOND), next(self._order), future))
        await future

    def set(self, now: int) -> None:
        """Jump, forwards or backwards."""
        self._now = now
        while self._sleepers and self._sleepers[0][0] <= now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.set(self._now + int(seconds * SECOND))
