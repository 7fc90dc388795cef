"""Work over many rows in batches that can be stopped: each is one transaction, so a stop leaves whole batches."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.ports import StoreUnavailable

BATCH: Final = 100
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a command came. `seen` of the `chosen` rows were looked at, `changed` were changed, `made` are new ones.

    `stopped` when a person asked for it; `fault` when the database went away: its batch may have been done or not.
    """

    chosen: Sequence[int]
    seen: int = 0
    changed: int = 0
    made: list[int] = field(default_factory=list)
    stopped: bool = False
    fault: StoreUnavailable | None = None

    @property
    def left(self) -> int:
        """Rows that were not looked at."""
        return len(self.chosen) - self.seen


Act = Callable[[Sequence[int], Progress], Awaitable[None]]
"""Changes one batch and notes it."""


async def work_off(chosen: Sequence[int], act: Act, *, tell: Callable[[Progress], None]) -> Progress:
    """Act on each batch in turn until the end, an interrupt or the database's; `tell` hears of each batch."""
    progress = Progress(chosen=chosen)
    with _stop_signal() as stop:
        while progress.left and not stop.is_set() and progress.fault is None:
            await _work_batch(progress, act)
            tell(progress)
        progress.stopped = stop.is_set() and progress.left > 0
    return progress


async def _work_batch(progress: Progress, act: Act) -> None:
    batch = progress.chosen[progress.seen : progress.seen + BATCH]
    try:
        await act(batch, progress)
    except StoreUnavailable as error:
        progress.fault = error
    else:
        progress.seen += len(batch)


@contextmanager
def _stop_signal() -> Iterator[asyncio.Event]:
    """Set by Ctrl-C or SIGTERM, which then interrupt nothing that is under way."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in SIGNALS:
        loop.add_signal_handler(name, stop.set)
    try:
        yield stop
    finally:
        for name in SIGNALS:
            loop.remove_signal_handler(name)
