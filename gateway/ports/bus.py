"""The bus: it moves wake-ups; the database is the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.value_class import value_class


@value_class
class Publication:
    """A wake-up to publish: the delivery row it names and the message it carries.

    `body` is the raw bytes as signed; `headers` the CloudEvents attributes (`cloudEvents:id`, …), `gzbzj-origin` and
    `traceparent`.
    """

    delivery_id: int
    recipient: str
    type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakeup:
    """A wake-up that came off a recipient's queue. It only names its row: the claim reads the message."""

    delivery_id: int
    recipient: str
    redelivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BusState:
    """`silent` names recipients whose queue should have a consumer here and has none, `full` those whose queue takes
    no more: for now nothing is published to them.
    """

    connected: bool
    blocked: bool = False
    silent: Sequence[str] = ()
    full: Sequence[str] = ()


Handle = Callable[[Wakeup], Awaitable[None]]
"""Returning acknowledges the wake-up; raising gives it back to the queue."""


class Subscription(Protocol):
    """One consumer of one recipient's queue."""

    async def cancel(self) -> None:
        """No new wake-ups; returns when those under way are finished and acknowledged."""
        ...


class Bus(Protocol):
    """Moves wake-ups. Losing all of it loses nothing: the database is the truth."""

    async def start(self) -> None:
        """Connect in the background; returns at once, the broker up or down."""
        ...

    async def stop(self) -> None:
        """Close; unconfirmed publishes stay unknown."""
        ...

    async def declare(self, recipients: Collection[str]) -> None:
        """Their queues exist from now on; remembered, and declared again after each reconnect."""
        ...

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """The delivery ids that the bus confirmed; one that is missing is unknown: publish it again.

        Never raises for the broker's troubles, is bounded in time, and returns promptly when the broker is away.
        An unroutable wake-up has its queue declared and is published once more.
        """
        ...

    def take_emptied(self) -> frozenset[str]:
        """Recipients whose queue was made anew since the last call: what was confirmed to them before may be lost."""
        ...

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> Subscription:
        """Consume a recipient's queue, at most `prefetch` wake-ups in hand at once; survives reconnects."""
        ...

    async def depth(self, recipient: str) -> int | None:
        """Wake-ups ready in the queue; None when unknown."""
        ...

    async def dead_depth(self) -> int | None:
        """Wake-ups that the broker gave up on; None when unknown."""
        ...

    def state(self) -> BusState:
        """How the bus is, now."""
        ...
