"""The store's port for legal clocks. Instants are microseconds UTC of legal time unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from gateway.core.legal_clock import ClockState, LegalClock
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.core.sla import ClockChange
from gateway.ports.records import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class DueClock:
    """A clock with a threshold that has come, and its order if it is about one.

    `undelivered` says that a payment notice on the order still waits for its delivery.
    """

    clock: LegalClock
    order: Order | None
    undelivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What one clock's threshold, or a newer calendar, brings about. `percent` is None for a newer calendar.

    It counts if clock and order still stand as they were seen (`before`, `order_before`). `order_after` is the order as
    it enters its next state, `changes` what follows for clocks, `fired_at` an instant of legal time.
    """

    before: LegalClock
    after: LegalClock
    fired_at: int
    percent: int | None = None
    order_before: Order | None = None
    order_after: Order | None = None
    changes: Sequence[ClockChange] = ()
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockQuery:
    """A filter over clocks; empty fields match all.

    `platform` and `member` are a platform and an institution that ask for their own, `after` is a number, `due_before`
    finds last days before this one.
    """

    rule: str | None = None
    subject: str | None = None
    institution: str | None = None
    state: ClockState | None = None
    breached: bool | None = None
    due_before: date | None = None
    platform: str | None = None
    member: str | None = None
    after: str | None = None
    limit: int = 100


class Clocks(Protocol):
    """Legal clocks; those that messages start and end are written by `Inbox.accept` and `Deliveries.prove`."""

    async def due_clocks(self, *, now: int, limit: int) -> Sequence[DueClock]:
        """Clocks whose next threshold has come, the earliest first."""
        ...

    async def adopt_calendar(self, version: str, *, now: int) -> bool:
        """Let clocks be reckoned by this calendar from now on; False where they are already."""
        ...

    async def adopted_calendar(self) -> str | None:
        """The version adopted last, None before the first."""
        ...

    async def outdated_clocks(self, *, version: str, limit: int) -> Sequence[LegalClock]:
        """Open clocks that count working days and were reckoned with another calendar than this one."""
        ...

    async def fire(self, firings: Sequence[Firing], *, now: int) -> Sequence[bool]:
        """Write firings with all that they bring about in one transaction; True where one counted.

        Each threshold of a clock counts once, whoever asks and however often. `now` is the machine's time.
        """
        ...

    async def find_clocks(self, query: ClockQuery) -> Sequence[LegalClock]:
        """Clocks by filter in the order of their start."""
        ...

    async def find_clock(self, number: str) -> LegalClock | None:
        """One clock."""
        ...

    async def fired(self, number: str) -> Mapping[int, int]:
        """Its thresholds that were fired: percent → instant."""
        ...
