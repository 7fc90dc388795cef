"""Group commit: whoever waits together is served together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gateway.core.errors import Problem

Ask = TypeVar("Ask")
Reply = TypeVar("Reply")


class Batcher(Generic[Ask, Reply]):
    """Collects what is asked while a call is under way and hands it over as one batch, in arrival order.

    `call` gets at most `size` asks and returns as many replies; an exception goes to each of them. At most `bound`
    asks wait: one more raises UNAVAILABLE, so that pressure reaches the sender. `lanes` calls may run at once.
    """

    def __init__(
        self, call: Callable[[Sequence[Ask]], Awaitable[Sequence[Reply]]], *, size: int, bound: int, lanes: int = 1
    ) -> None:
        self._call = call
        self._size = size
        self._bound = bound
        self._free = lanes
        self._waiting: deque[tuple[Ask, asyncio.Future[Reply]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, ask: Ask) -> Reply:
        """The reply to this ask; raises what `call` raised for its batch."""
        if len(self._waiting) >= self._bound:
            raise Problem("UNAVAILABLE", retry_after=1)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        self._start()
        return await future

    async def drain(self) -> None:
        """Return when nothing is under way or waiting."""
        while self._running:
            await asyncio.wait(self._running)

    def _start(self) -> None:
        if self._free and self._waiting:
            self._free -= 1
            task = asyncio.create_task(self._serve())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _serve(self) -> None:
        # One turn of the loop lets those that are ready to ask join this batch.
        await asyncio.sleep(0)
        try:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                await self._serve_batch(taken)
        finally:
            self._free += 1

    async def _serve_batch(self, taken: Sequence[tuple[Ask, asyncio.Future[Reply]]]) -> None:
        try:
            replies = await self._call([ask for ask, _ in taken])
        except Exception as error:  # noqa: BLE001 - whatever the call met belongs to those who asked
            _settle(taken, error)
        else:
            for (_, future), reply in zip(taken, replies, strict=True):
                if not future.done():
                    future.set_result(reply)


def _settle(taken: Sequence[tuple[Ask, asyncio.Future[Reply]]], error: Exception) -> None:
    for _, future in taken:
        if not future.done():
            future.set_exception(error)
