"""The port of onboarding: an append-only history, from which every application's standing is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.core.onboarding import Registry
from gateway.core.onboarding_moves import Event
from gateway.core.party import Standing
from gateway.core.sla import ClockChange
from gateway.ports.records import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one move writes: its events, its audit row about the institution, what it does to clocks, and the party's
    new standing if any. There are no events where the institution applied elsewhere.
    """

    events: Sequence[Event]
    audit: Audit
    clocks: Sequence[ClockChange] = ()
    standing: Standing | None = None


HISTORY: Final = 200
"""Events that a history shows at most unless more are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The persons whom an application form names, as `Application.people`; none once they are purged.

    `number` is that of the event that filed the form at `at` (microseconds UTC).
    """

    number: int
    institution: str
    at: int
    people: Mapping[str, Any]


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

    async def history(self, institution: str, *, limit: int = HISTORY) -> Sequence[Event]:
        """The institution's newest events, at most `limit`, the oldest of them first."""
        ...

    async def filed(self, *, after: int, limit: int) -> Sequence[Filed]:
        """The persons of every form behind this number, in order, at most `limit` forms."""
        ...
