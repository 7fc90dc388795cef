"""A token bucket: how often one sender, or one address, may ask. Pure; the caller brings the time.

Source: protocol section 7, 429 RATE_LIMITED.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.core.errors import Problem

_MICRO = 1_000_000


@dataclass(slots=True, kw_only=True)
class Buckets:
    """One bucket a key: `rate` tokens a second, at most `burst` at once; at most `keys` keys, the oldest forgotten."""

    rate: float
    burst: float
    keys: int = 10_000
    _levels: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)

    def take(self, key: str, now: int) -> None:
        """Take one token; RATE_LIMITED with the seconds until the next one when there is none."""
        level = self._level(key, now)
        if level < 1:
            raise Problem("RATE_LIMITED", retry_after=max(1, math.ceil((1 - level) / self.rate)))
        self._store(key, level - 1, now)

    def give(self, key: str, now: int) -> None:
        """Put one token back: what was taken turned out not to count."""
        self._store(key, min(self.burst, self._level(key, now) + 1), now)

    def _level(self, key: str, now: int) -> float:
        level, then = self._levels.get(key, (self.burst, now))
        return min(self.burst, level + self.rate * max(0, now - then) / _MICRO)

    def _store(self, key: str, level: float, now: int) -> None:
        self._levels[key] = (level, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self.keys:
            self._levels.popitem(last=False)
