"""The store's port for statistics: what was accepted and what clocks did, a slice at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.legal_clock import LegalClock
from gateway.core.statistics import Happened


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSlice:
    """What a slice of messages counts as, and where the next begins: None where there is none."""

    happened: Sequence[Happened]
    after: tuple[int, str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSlice:
    """A slice of clocks that ended or were breached, and where the next begins: None where there is none."""

    clocks: Sequence[LegalClock]
    after: int | None


class Counts(Protocol):
    """Read only, each call one bounded slice of the period [since, until): microseconds UTC."""

    async def count_messages(
        self, *, since: int, until: int, after: tuple[int, str, str] | None, limit: int
    ) -> MessageSlice:
        """At most `limit` messages of the counted types, by acceptance; begin with `after` None."""
        ...

    async def count_clocks(self, *, since: int, until: int, after: int | None, limit: int) -> ClockSlice:
        """At most `limit` clocks that ended or were breached in the period; begin with `after` None."""
        ...
