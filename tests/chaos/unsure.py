"""A bus and a store that do what brokers and databases do at their worst, around any that work: for tests.

Wake-ups come twice, or never though they were confirmed; confirms get lost though the wake-up was stored. Transactions
fail, or are committed and nobody is told.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.ports import Bus, Publication, StoreUnavailable
from gateway.store import SqlStore

Run = Callable[[Any], Awaitable[Any]]


@dataclass
class UnsureBus:
    """`twice`, `lost` and `unsaid` are the shares of wake-ups that come twice, never, or without their confirm."""

    bus: Bus
    twice: float = 0.0
    lost: float = 0.0
    unsaid: float = 0.0
    emptied: frozenset[str] = frozenset()
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __getattr__(self, name: str) -> Any:
        """All else is the bus's own."""
        return getattr(self.bus, name)

    def take_emptied(self) -> frozenset[str]:
        """The queues that the test says were made anew, once."""
        emptied, self.emptied = self.emptied, frozenset()
        return emptied

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Publish as the shares say; what the caller is told is what a broker would have told."""
        kept = [each for each in batch if self.chance.random() >= self.lost]
        kept += [each for each in kept if self.chance.random() < self.twice]
        confirmed = await self.bus.publish(kept) if kept else frozenset()
        vanished = {each.delivery_id for each in batch} - {each.delivery_id for each in kept}
        return frozenset(number for number in confirmed | vanished if self.chance.random() >= self.unsaid)


@dataclass
class UnsureRunner:
    """A store's runner of transactions, made unsure: the shares `failed` and `unsaid` are of all transactions."""

    store: SqlStore
    failed: float = 0.0
    unsaid: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    troubles: int = 0

    def __post_init__(self) -> None:
        """From now on the store's calls go this way."""
        for name in ("_read", "_write", "_write_hot"):
            setattr(self.store, name, self._unsure(getattr(self.store, name)))

    def _unsure(self, run: Run) -> Run:
        async def run_or_not(work: Any) -> Any:
            self._doubt(self.failed)
            result = await run(work)
            self._doubt(self.unsaid)
            return result

        return run_or_not

    def _doubt(self, share: float) -> None:
        if self.chance.random() < share:
            self.troubles += 1
            raise StoreUnavailable("as the test wants it")
