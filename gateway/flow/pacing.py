"""Turns at an institution: as many pushes at once as its health allows, as many a second as its rate allows.

The others wait before they claim anything.

Source: architecture point 10, ADR 0011.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.core.delivery import SECOND
from gateway.core.health import Condition, Health, count_lanes, observe
from gateway.observe import METRICS
from gateway.observe.metric_table import INSTITUTION_HEALTH
from gateway.ports import Alert, Books, Clock

_LEVELS: Final = {Condition.HEALTHY: 0, Condition.RECOVERING: 1, Condition.DEGRADED: 2, Condition.PAUSED: 3}


class Closing(Exception):  # noqa: N818 - named for the condition: the wake-up goes back to its queue
    """The worker is stopping: this turn will not come."""


@dataclass(slots=True)
class _Road:
    """One institution: `most` pushes at once while it is healthy, `under_way` now; the next may begin at `next_at`."""

    most: int = 1
    under_way: int = 0
    next_at: int = 0
    health: Health = field(default_factory=Health)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def open(self) -> bool:
        return self.under_way < count_lanes(self.health, self.most)

    def admit(self) -> None:
        """Let the next ones go, in the order of their coming."""
        while self.waiting and self.open:
            future = self.waiting.popleft()
            if not future.done():  # done: whoever waited has left
                self.under_way += 1
                future.set_result(None)

    def leave(self) -> None:
        self.under_way -= 1
        self.admit()

    def reserve(self, rate: float, now: int) -> int:
        """Microseconds until a push may begin, pushes being spaced evenly; a clock that jumped back holds nobody up."""
        space = int(SECOND / rate)
        wait = min(max(0, self.next_at - now), self.most * space)
        self.next_at = now + wait + space
        return wait


class Paces:
    """Every institution's health in this process. Who waits holds a wake-up and nothing else: no row, no attempt."""

    def __init__(self, books: Books, clock: Clock, *, log: Callable[..., None]) -> None:
        self._books = books
        self._clock = clock
        self._log = log
        self._roads: dict[str, _Road] = {}
        self._untold: dict[str, Alert] = {}
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def turn(self, recipient: str, *, most: int, rate: float | None) -> AsyncIterator[None]:
        """Wait for a turn and hold it: `most` at once, `rate` a second. Raises Closing once the worker stops."""
        road = self._roads.setdefault(recipient, _Road())
        road.most = most
        await self._enter(road)
        try:
            if rate is not None and (wait := road.reserve(rate, self._clock.now())):
                await self._rest(wait / SECOND)
            yield
        finally:
            road.leave()

    def observe(self, recipient: str, answered: bool) -> None:  # noqa: FBT001 - the courier's callback
        """A push ended, with an answer or without."""
        road = self._roads.setdefault(recipient, _Road())
        before = road.health.condition
        road.health = observe(road.health, answered=answered, most=road.most, now=self._clock.now())
        if road.health.condition is not before:
            self._tell(recipient, road.health)
        road.admit()

    def condition(self, recipient: str) -> Condition:
        """How an institution is, as far as this process knows."""
        road = self._roads.get(recipient)
        return road.health.condition if road else Condition.HEALTHY

    async def report(self) -> bool:
        """Write the alerts of institutions that went silent; what the store does not take is written next time."""
        for recipient, alert in list(self._untold.items()):
            await self._books.raise_alert(alert, now=self._clock.now())
            self._untold.pop(recipient, None)
        return False

    def close(self) -> None:
        """Send away all who wait, and whoever comes."""
        self._closing.set()
        for road in self._roads.values():
            while road.waiting:
                future = road.waiting.popleft()
                if not future.done():
                    future.set_exception(Closing())

    async def _enter(self, road: _Road) -> None:
        if self._closing.is_set():
            raise Closing
        if road.open and not road.waiting:
            road.under_way += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        road.waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                road.leave()  # the turn had come already
            raise

    async def _rest(self, seconds: float) -> None:
        """Wait for the institution's rate, or for the end."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._closing.is_set():
            raise Closing

    def _tell(self, recipient: str, health: Health) -> None:
        METRICS.set(INSTITUTION_HEALTH, _LEVELS[health.condition], recipient=recipient)
        self._log("institution.health", recipient=recipient, condition=str(health.condition), silent=health.silent)
        if health.condition is Condition.PAUSED:
            text = f"{recipient} 连续 {health.silent} 次没有应答，已改为逐条试探；报文均在，恢复应答后自动逐步放量。"
            self._untold[recipient] = Alert(code="INSTITUTION_SILENT", about=recipient, text=text)
