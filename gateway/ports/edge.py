"""The clock, the adapters and the transport: where the flow meets the world."""

from __future__ import annotations

from typing import Protocol

from gateway.core.exchange import Answer, Outcome, Outgoing, Request, Stand
from gateway.core.party import Party


class Clock(Protocol):
    """Time as the process sees it."""

    def now(self) -> int:
        """Microseconds UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; a fake clock returns when it is moved past them."""
        ...


class Adapter(Protocol):
    """One dialect: two pure functions."""

    name: str

    def encode(self, delivery: Outgoing) -> Request | Stand:
        """What to send for this attempt."""
        ...

    def decode(self, delivery: Outgoing, answer: Answer) -> Outcome:
        """What the answer means. Total: any answer, or none, gives an outcome."""
        ...


class Transport(Protocol):
    """Carries requests to a party, within its bounds."""

    async def send(self, request: Request, party: Party) -> Answer:
        """One request, one answer; no redirects, the address guarded at dial time. Never raises for the network's or
        the recipient's faults: the answer then has no status and an `error`.
        """
        ...
