"""Waiting for whichever comes first: something to do, a span of time, or the end."""

from __future__ import annotations

import asyncio

from gateway.ports import Clock


class Pulse:
    """A wake-up within the process; set by whoever made work, waited for by whoever does it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake whoever waits, or the next one to wait."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return at the next beat, or after `seconds` of the clock."""
        tasks = [asyncio.ensure_future(self._event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self._event.clear()


class Bell:
    """A wake-up for many: whoever waits hears the next ring. `rings` counts, so that none is missed between looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: asyncio.Future[None] | None = None
        self.rings = 0

    def ring(self) -> None:
        """Wake all who wait."""
        self.rings += 1
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when it has rung since `seen`, or after `seconds` of the clock."""
        if self.rings != seen:
            return
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait([self._next, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
