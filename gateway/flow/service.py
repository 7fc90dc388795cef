"""Long-lived services share one contract: `run` until `stop`, one step at a time, each step callable by tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.flow.pulse import Pulse
from gateway.ports import Clock, StoreUnavailable

Log = Callable[..., None]

STUMBLE_SECONDS: Final = 1.0
"""The pause after a step that failed: long enough not to spin, short enough to be back within seconds."""


class Loop:
    """Runs a step again and again: at once while it says that there is more, else after `seconds` or a beat."""

    def __init__(
        self, name: str, step: Callable[[], Awaitable[bool]], *, clock: Clock, seconds: float, log: Log
    ) -> None:
        self.name = name
        self.pulse = Pulse(clock)
        self._step = step
        self._seconds = seconds
        self._log = log
        self._stopping = False
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Step until stopped; a step that raises is logged and tried again after a pause."""
        try:
            while not self._stopping:
                pause = await self._try_step()
                if pause and not self._stopping:
                    await self.pulse.wait(pause)
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """End after the step that is under way."""
        self._stopping = True
        self.pulse.beat()
        await self._ended.wait()

    async def _try_step(self) -> float:
        try:
            more = await self._step()
        except StoreUnavailable as error:
            self._log("service.store_unavailable", service=self.name, error=str(error))
            return STUMBLE_SECONDS
        except Exception as error:  # noqa: BLE001 - a service outlives the faults of a step; the event carries the cause
            self._log("service.step_failed", service=self.name, error=repr(error), exc_info=error)
            return STUMBLE_SECONDS
        return 0 if more else self._seconds
