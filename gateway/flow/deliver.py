"""Delivering: one consumer a recipient, each wake-up a claim, each claim one attempt, each attempt one settlement.

Source: architecture points 3 to 5 and 10.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gateway.core.delivery import SECOND, GiveBack, Hold
from gateway.core.errors import Problem
from gateway.core.failpoints import DELIVER_ANSWERED, DELIVER_CLAIMED, reach
from gateway.core.party import Directory, Link, Party
from gateway.flow.attempt import Courier
from gateway.flow.attempted import ENDS, describe, outcome_of
from gateway.flow.batching import Batcher
from gateway.flow.pacing import Paces
from gateway.flow.roster import Roster
from gateway.flow.service import STUMBLE_SECONDS
from gateway.observe import METRICS
from gateway.observe.metric_table import ATTEMPTS, DELIVERIES
from gateway.ports import (
    Audit,
    Bus,
    Claimed,
    Clock,
    Deliveries,
    Parties,
    PartyChange,
    Proof,
    ProofResult,
    Settlement,
    StoreUnavailable,
    Subscription,
    Wakeup,
)

Log = Callable[..., None]
T = TypeVar("T")

BEAT_FRESH: Final = 2 * SECOND
"""Microseconds. A beat that is older was missed, as in an outage of the database; the lease lasts longer."""

BATCH: Final = 64
BOUND: Final = 10_000
"""Claims and settlements that may wait; whoever finds no room asks again."""


class ClockOff(Exception):  # noqa: N818 - named for the condition: the wake-up goes back to its queue
    """This process's clock is off the database's: it claims nothing until it is right again."""


@dataclass(slots=True, kw_only=True)
class Deliverer:
    """Consumes the queues of every party that may be delivered to, and brings each message to its recipient.

    `on_ended` is told after each settlement, for the next message of the subject may be due; `log` gets one wide event
    an attempt. `may_claim` is switched off while the process's clock is off the database's: it consumes nothing then,
    and what it has in hand goes back. Each consumer has as many wake-ups in hand as its party takes pushes at once, at
    most `prefetch`; `paces` says how many of them may claim.
    """

    deliveries: Deliveries
    parties: Parties
    bus: Bus
    roster: Roster
    courier: Courier
    clock: Clock
    paces: Paces
    on_ended: Callable[[], None]
    log: Log
    prefetch: int = 100
    may_claim: bool = True
    _subscriptions: dict[str, tuple[int, Subscription]] = field(default_factory=dict)
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)
    _in_hand: set[int] = field(default_factory=set)
    _beaten_at: int = 0
    _in_doubt: bool = False
    _stopping: bool = False
    _claims: Batcher[int, Claimed | None] = field(init=False)
    _settles: Batcher[Settlement, bool] = field(init=False)

    def __post_init__(self) -> None:
        """Claims and settlements travel in groups."""
        self._claims = Batcher(self._claim, size=BATCH, bound=BOUND)
        self._settles = Batcher(self.deliveries.settle, size=BATCH, bound=BOUND)

    async def beat(self) -> bool:
        """Say that this worker lives; to be called each second, whatever else is slow."""
        await self._beat(self.clock.now())
        return False

    async def consume(self) -> bool:
        """Follow the roster; to be called each second. It takes as long as the broker does."""
        await self.follow(self.roster.directory)
        return False

    async def follow(self, directory: Directory) -> None:
        """Consume exactly the queues of the parties that are open for delivery; nothing new while closing.

        A consumer that leaves finishes its pushes by itself: one that hangs must not keep the others, or the beat.
        """
        if self._stopping:
            return
        wanted = {
            party.id: min(party.link.concurrency, self.prefetch)
            for party in directory.parties.values()
            if self.may_claim and _consumed(party)
        }
        for recipient, (prefetch, subscription) in list(self._subscriptions.items()):
            if wanted.get(recipient) != prefetch:
                del self._subscriptions[recipient]
                self._leave(subscription)
        fresh = {recipient: prefetch for recipient, prefetch in wanted.items() if recipient not in self._subscriptions}
        if fresh:
            await self.bus.declare(fresh.keys())
        for recipient, prefetch in fresh.items():
            if self._stopping:
                return
            subscription = await self.bus.subscribe(recipient, prefetch=prefetch, handle=self.handle)
            self._subscriptions[recipient] = (prefetch, subscription)
            if self._stopping:
                self._leave(subscription)

    async def handle(self, wakeup: Wakeup) -> None:
        """Claim the row that the wake-up names and try it; a row that cannot be claimed is forgotten.

        Raises ClockOff or Closing for a wake-up that must go back to its queue.
        """
        if not self.may_claim:
            raise ClockOff
        link = self._link(wakeup.recipient)
        async with self.paces.turn(wakeup.recipient, most=link.concurrency, rate=link.rate):
            claimed = await self._persist(lambda: self._claims.submit(wakeup.delivery_id))
            if claimed is None:
                return
            try:
                await self._finish(claimed, await self._attempt(claimed))
            finally:
                self._in_hand.discard(claimed.delivery_id)

    async def close(self, grace: float) -> None:
        """Stop consuming, give the attempts under way `grace` seconds, give back what is left at no cost."""
        self._stopping = True
        for _, subscription in self._subscriptions.values():
            self._leave(subscription)
        self._subscriptions.clear()
        await asyncio.sleep(0)  # they take nothing more before those that wait for a turn are sent away
        self.paces.close()
        try:
            async with asyncio.timeout(grace):
                await asyncio.gather(*self._leaving, return_exceptions=True)
        except TimeoutError:
            self.log("worker.grace_over", seconds=grace)
        await self.deliveries.release(self.courier.worker, now=self.clock.now())

    def _leave(self, subscription: Subscription) -> None:
        task = asyncio.create_task(self._cancel(subscription))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _cancel(self, subscription: Subscription) -> None:
        try:
            await subscription.cancel()
        except Exception as error:  # noqa: BLE001 - a consumer that cannot be cancelled ends with its connection
            self.log("worker.cancel_failed", error=repr(error), exc_info=error)

    def _link(self, recipient: str) -> Link:
        party = self.roster.directory.find_party(recipient)
        return party.link if party else Link(concurrency=1)

    async def _attempt(self, claimed: Claimed) -> Settlement | Proof:
        party = self.roster.directory.find_party(claimed.message.recipient)
        if party is None or not party.open_for_delivery:
            return self._give_back(claimed)
        try:
            return await self.courier.carry(claimed, party)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the row claimed for ever
            self.log("delivery.broke", delivery_id=claimed.delivery_id, exc_info=error)
            return await self.courier.stumble(claimed, error)

    def _give_back(self, claimed: Claimed) -> Settlement:
        return Settlement(
            delivery_id=claimed.delivery_id,
            token=claimed.token,
            worker=self.courier.worker,
            decision=GiveBack(),
            at=self.clock.now(),
        )

    async def _finish(self, claimed: Claimed, result: Settlement | Proof) -> None:
        reach(DELIVER_ANSWERED)
        counted = await self._persist(lambda: self._write(result))
        if counted and isinstance(result, Settlement) and isinstance(result.decision, Hold):
            await self._persist(lambda: self._flag(claimed.message.recipient))
        outcome = outcome_of(result)
        METRICS.add(ATTEMPTS, recipient=claimed.message.recipient, outcome=outcome)
        if counted and outcome in ENDS:
            METRICS.add(DELIVERIES, outcome=outcome)
        self.on_ended()
        self.log("delivery.attempted", **describe(claimed, result), counted=counted)

    async def _write(self, result: Settlement | Proof) -> bool:
        if isinstance(result, Proof):
            return await self.deliveries.prove(result) is ProofResult.RECORDED
        return await self._settles.submit(result)

    async def _flag(self, recipient: str) -> None:
        audit = Audit(actor="gateway", action="institution.gone", about=recipient, reason="接收地址返回 410")
        await self.parties.change(recipient, PartyChange(gone=True), now=self.clock.now(), audit=audit)

    async def _beat(self, now: int) -> None:
        await self.deliveries.beat(self.courier.worker, now=now)
        self._beaten_at = now

    async def _claim(self, delivery_ids: Sequence[int]) -> Sequence[Claimed | None]:
        """One batch of claims. After an answer that was lost, what is not in hand is given back first.

        A worker whose beat is old gets no row, and its wake-ups would be spent for nothing: it beats first.
        """
        worker, now = self.courier.worker, self.clock.now()
        if self._in_doubt:
            await self.deliveries.release(worker, now=now, keep=self._in_hand)
        if now - self._beaten_at > BEAT_FRESH:
            await self._beat(now)
        self._in_doubt = True
        claimed = await self.deliveries.claim(list(dict.fromkeys(delivery_ids)), worker=worker, now=now)
        self._in_doubt = False
        reach(DELIVER_CLAIMED)
        found = {row.delivery_id: row for row in claimed}
        self._in_hand.update(found)
        return [found.pop(delivery_id, None) for delivery_id in delivery_ids]

    async def _persist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: each call is harmless when done twice."""
        while True:
            try:
                return await ask()
            except (StoreUnavailable, Problem):  # away, or no room to wait in
                if self._stopping:
                    raise
                await self.clock.sleep(STUMBLE_SECONDS)


def _consumed(party: Party) -> bool:
    return party.role != "gateway" and party.open_for_delivery
