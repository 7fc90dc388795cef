"""The port of onboarding: an append-only history, from which every application's standing is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.onboarding import Registry
from gateway.core.onboarding_moves import Event
from gateway.core.party import Standing
from gateway.core.sla import ClockChange
from gateway.ports.records import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one move writes: its events, its audit row, what it does to clocks, and the party's new standing if any."""

    events: Sequence[Event]
    audit: Audit
    clocks: Sequence[ClockChange] = ()
    standing: Standing | None = None


class Onboardings(Protocol):
    """Applications of institutions. Every call may raise `StoreUnavailable`."""

    async def registry(self) -> Registry:
        """All applications as their last events left them."""
        ...

    async def record_move(self, recorded: Recorded, *, now: int) -> bool:
        """Append the events with all that goes with them, in one transaction.

        False, with nothing written, where another event came first: events are numbered without gaps, so that whoever
        decided on an older registry decides again. Raises Missing where a standing is to change and there is no party.
        """
        ...

    async def history(self, institution: str) -> Sequence[Event]:
        """The institution's events, the oldest first."""
        ...
