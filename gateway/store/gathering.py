"""Calls that come while a batch is in the database make the next batch together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from gateway.ports import StoreUnavailable

BOUND: Final = 2000
"""Calls that wait at most."""

Ask = TypeVar("Ask")
Reply = TypeVar("Reply")


class Gathering(Generic[Ask, Reply]):
    """Runs single calls in batches of at most `most`, one batch at a time, in the order of their coming.

    A batch whose run raises tells each caller of it the same. One call more than `bound` that wait raises
    StoreUnavailable.
    """

    def __init__(
        self, run: Callable[[Sequence[Ask]], Awaitable[Sequence[Reply]]], *, most: int, bound: int = BOUND
    ) -> None:
        self._run = run
        self._most = most
        self._bound = bound
        self._waiting: list[tuple[Ask, asyncio.Future[Reply]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, ask: Ask) -> Reply:
        """The reply to this call."""
        if len(self._waiting) >= self._bound:
            raise StoreUnavailable(f"{self._bound} calls wait for the database")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(batch)
        finally:
            self._task = None

    async def _answer(self, batch: list[tuple[Ask, asyncio.Future[Reply]]]) -> None:
        try:
            replies = await self._run([ask for ask, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is handed to everyone who asked
            for future in _open(batch):
                future.set_exception(error)
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if not future.done():
                future.set_result(reply)


def _open(batch: list[tuple[Ask, asyncio.Future[Reply]]]) -> list[asyncio.Future[Reply]]:
    """The futures of callers that still wait."""
    return [future for _, future in batch if not future.done()]
