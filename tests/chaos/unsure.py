"""A bus that does what brokers do at their worst, around any bus that works: for tests.

Wake-ups come twice, or never though they were confirmed; confirms get lost though the wake-up was stored.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.ports import Bus, Publication


@dataclass
class UnsureBus:
    """`twice`, `lost` and `unsaid` are the shares of wake-ups that come twice, never, or without their confirm."""

    bus: Bus
    twice: float = 0.0
    lost: float = 0.0
    unsaid: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __getattr__(self, name: str) -> Any:
        """All else is the bus's own."""
        return getattr(self.bus, name)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Publish as the shares say; what the caller is told is what a broker would have told."""
        kept = [each for each in batch if self.chance.random() >= self.lost]
        kept += [each for each in kept if self.chance.random() < self.twice]
        confirmed = await self.bus.publish(kept) if kept else frozenset()
        vanished = {each.delivery_id for each in batch} - {each.delivery_id for each in kept}
        return frozenset(number for number in confirmed | vanished if self.chance.random() >= self.unsaid)
