"""What readiness asks: store, bus, consumers, clock; and that the process is not stopping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.flow.timers import ClockWatch
from gateway.ports import Books, Bus, Clock, StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`check` says, by name, what is wrong; "" where nothing is."""

    books: Books
    bus: Bus
    clock_watch: ClockWatch
    clock: Clock
    is_stopping: Callable[[], bool]
    with_bus: bool

    async def check(self) -> Mapping[str, str]:
        """Look now."""
        found = {
            "process": "正在停止，请改发其他节点" if self.is_stopping() else "",
            "store": await self._store(),
            "clock": "" if self.clock_watch.ok else "本机时钟与数据库时钟相差过大，请校时；期间不领取投递任务",
        }
        return {**found, **self._bus()} if self.with_bus else found

    def _bus(self) -> Mapping[str, str]:
        state = self.bus.state()
        return {
            "bus": "" if state.connected else "未连接消息中间件；报文照常受理，恢复后投递",
            "consumers": f"这些队列没有消费者：{'、'.join(state.silent)}" if state.silent else "",
        }

    async def _store(self) -> str:
        try:
            await self.books.skew(self.clock.now())
        except StoreUnavailable:
            return "数据库不可用"
        return ""
