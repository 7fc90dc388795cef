"""The sweeps: dead workers' rows, lost wake-ups, old nonces, the broker's dead letters. Each is idempotent.

Source: architecture points 4 to 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.delivery import SECOND
from gateway.core.failpoints import SWEEP_DONE, reach
from gateway.observe import METRICS
from gateway.observe.metric_table import BUS_DEAD_LETTERS, CLOCK_SKEW_SECONDS, SWEPT
from gateway.ports import Alert, Books, Bus, Clock, Deliveries

Log = Callable[..., None]

REPUBLISH_LIMIT: Final = 500
PURGE_LIMIT: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """What happens because time passes. `on_due` wakes the relay; `nonce_kept` is in microseconds.

    Nobody is taken for dead and no wake-up for lost by a clock that is off the database's (`in_time`).
    """

    deliveries: Deliveries
    books: Books
    bus: Bus
    clock: Clock
    nonce_kept: int
    on_due: Callable[[], None]
    in_time: Callable[[], bool]
    log: Log

    async def sweep(self) -> bool:
        """Take back what dead workers held and mend what waits for nothing."""
        if not self.in_time():
            return False
        swept = await self.deliveries.sweep(now=self.clock.now())
        if swept.lost or swept.parked or swept.unblocked:
            reach(SWEEP_DONE)
        for kind in ("lost", "parked", "unblocked"):
            METRICS.add(SWEPT, len(getattr(swept, kind)), kind=kind)
        if swept.lost or swept.parked or swept.unblocked:
            self.log("sweep.mended", lost=swept.lost, parked=swept.parked, unblocked=swept.unblocked)
            self.on_due()
        return False

    async def wake_again(self) -> bool:
        """Publish again what was published and never claimed, while the queue is shorter than its live heads."""
        if not self.in_time():
            return False
        now = self.clock.now()
        for recipient, live in (await self.deliveries.stale(now=now)).items():
            depth = await self.bus.depth(recipient)
            room = live if depth is None else live - depth
            if room > 0:
                count = await self.deliveries.republish(recipient, limit=min(room, REPUBLISH_LIMIT), now=now)
                self.log("sweep.woken_again", recipient=recipient, count=count)
                self.on_due()
        return False

    async def purge(self) -> bool:
        """Forget nonces that no timestamp window can bring back."""
        before = self.clock.now() - self.nonce_kept
        return await self.deliveries.purge_nonces(before=before, limit=PURGE_LIMIT) >= PURGE_LIMIT

    async def watch_bus(self) -> bool:
        """What the broker gave up on, and queues without their consumer, raise alarms; the database decides."""
        depth = await self.bus.dead_depth()
        METRICS.set(BUS_DEAD_LETTERS, depth or 0)
        if depth:
            text = f"消息中间件死信队列中有 {depth} 条唤醒通知，请检查消费者；报文本身在数据库中，不会丢失。"
            await self._alert("BROKER_DEAD_LETTERS", "bus", text)
        state = self.bus.state()
        for recipient in state.silent if state.connected else ():
            await self._alert("CONSUMER_SILENT", recipient, f"{recipient} 的队列没有消费者，正在重新订阅。")
        return False

    async def _alert(self, code: str, about: str, text: str) -> None:
        await self.books.raise_alert(Alert(code=code, about=about, text=text), now=self.clock.now())


@dataclass(slots=True, kw_only=True)
class ClockWatch:
    """Compares the process's clock with the database's; `ok` is False while it is more than `limit` (us) off."""

    books: Books
    clock: Clock
    limit: int = 5 * SECOND
    skew: int = 0
    ok: bool = True

    async def step(self) -> bool:
        """Measure once."""
        self.skew = await self.books.skew(self.clock.now())
        self.ok = abs(self.skew) <= self.limit
        METRICS.set(CLOCK_SKEW_SECONDS, self.skew / SECOND)
        return False
