"""The relay: heads out of the outbox, wake-ups onto the bus, marks back.

Source: architecture "The way of a message" and points 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.core.failpoints import RELAY_PUBLISHED, reach
from gateway.core.message import Message
from gateway.core.party import Directory
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import RELAYED
from gateway.ports import Bus, Clock, Head, Outbox, Publication

BATCH: Final = 400
"""Heads a step: two windows of confirms."""


class Relay:
    """Publishes due heads. One relay leads at a time; another takes over when its lease ends.

    It publishes nothing while the process's clock is off the database's (`in_time`): what is due by it alone, no worker
    could claim.
    """

    def __init__(
        self, outbox: Outbox, bus: Bus, roster: Roster, clock: Clock, *, holder: str, in_time: Callable[[], bool]
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._roster = roster
        self._clock = clock
        self._holder = holder
        self._in_time = in_time
        self._lease_until = 0

    async def step(self) -> bool:
        """Publish one batch of heads; True when it was full, so that more wait. What is not confirmed stays due.

        What comes in meanwhile is left to gather until the next beat: few large batches cost less than many small.
        """
        state = self._bus.state()
        if not (state.connected and self._in_time()) or state.blocked or not await self._leads():
            return False
        await self._forget_lost()
        without = {*closed(self._roster.directory), *state.full}
        heads = await self._outbox.heads(limit=BATCH, now=self._clock.now(), without=without)
        if not heads:
            return False
        confirmed = await self._bus.publish([_publication(head) for head in heads])
        reach(RELAY_PUBLISHED)
        METRICS.add(RELAYED, len(confirmed), result="confirmed")
        METRICS.add(RELAYED, len(heads) - len(confirmed), result="unknown")
        tokens = {head.delivery_id: head.token for head in heads if head.delivery_id in confirmed}
        if tokens:
            await self._outbox.mark(tokens, now=self._clock.now())
        return len(confirmed) == BATCH

    async def _forget_lost(self) -> None:
        """What was published into a queue that was made anew since is due again at once."""
        emptied = self._bus.take_emptied()
        if emptied:
            await self._outbox.forget(emptied)

    async def _leads(self) -> bool:
        now = self._clock.now()
        if now < self._lease_until:
            return True
        leads = await self._outbox.lead("relay", holder=self._holder, now=now)
        self._lease_until = now + 1_000_000 if leads else 0
        return leads


def closed(directory: Directory) -> list[str]:
    """The recipients to whom nothing may go now: paused by an operator, or gone."""
    return [party.id for party in directory.parties.values() if not party.open_for_delivery]


def _publication(head: Head) -> Publication:
    message = head.message
    return Publication(
        delivery_id=head.delivery_id,
        recipient=message.recipient,
        type=message.type,
        body=message.body,
        headers=cloud_event_headers(message),
    )


def cloud_event_headers(message: Message) -> dict[str, str]:
    """The CloudEvents AMQP binding's attributes (without `data`), with the origin as evidence and the trace."""
    headers = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": message.id,
        "cloudEvents:source": message.source,
        "cloudEvents:type": message.type,
        "cloudEvents:subject": message.subject,
        "cloudEvents:recipient": message.recipient,
        "cloudEvents:correlationid": message.correlation_id,
        "gzbzj-origin": message.origin,
        "traceparent": message.traceparent,
    }
    return {name: value for name, value in headers.items() if value is not None}
