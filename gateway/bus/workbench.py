"""Runs one subscription's handler on wake-ups: a bound on how many at once, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.bus.settings import Log
from gateway.ports import Handle, Wakeup


class Workbench:
    """At most `prefetch` handlers run at once, whichever connection their wake-ups came on."""

    def __init__(self, *, prefetch: int, handle: Handle, reject_pause: float, log: Log) -> None:
        self._handle = handle
        self._seats = asyncio.Semaphore(prefetch)
        self._reject_pause = reject_pause
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def take(self, wakeup: Wakeup, *, done: Callable[[], None], give_back: Callable[[], None]) -> None:
        """Begin a wake-up: `done` is called when its handler returned, `give_back` when it raised."""
        task = asyncio.get_running_loop().create_task(self._work(wakeup, done, give_back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Return when every wake-up that was taken is done or given back; failures are no longer held."""
        self._closing.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def abandon(self) -> None:
        """Cut the handlers under way; their wake-ups are neither done nor given back."""
        for task in self._tasks:
            task.cancel()
        await self.drain()

    async def _work(self, wakeup: Wakeup, done: Callable[[], None], give_back: Callable[[], None]) -> None:
        async with self._seats:
            try:
                await self._handle(wakeup)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises, its wake-up goes back to the queue
                self._log("bus.handler_failed", recipient=wakeup.recipient, delivery=wakeup.delivery_id, error=error)
            else:
                done()
                return
            await self._hold()
            give_back()

    async def _hold(self) -> None:
        try:
            async with asyncio.timeout(self._reject_pause):
                await self._closing.wait()
        except TimeoutError:
            return
