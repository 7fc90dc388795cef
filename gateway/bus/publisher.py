"""Publishes wake-ups: mandatory, persistent, confirmed, in bounded windows, on a connection of its own.

A connection that publishes is the one that the broker blocks on an alarm; consumers acknowledge on another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from gateway.bus.channels import BrokerConnection, BrokerError
from gateway.bus.lane import Lane
from gateway.bus.link import Link
from gateway.bus.quarantine import Answer
from gateway.bus.settings import Log, RabbitSettings
from gateway.bus.topology import declare_exchanges
from gateway.bus.window import Batch
from gateway.ports import Publication

Dumb = Callable[[Publication, float], None]
"""Takes a wake-up that its queue did not confirm and the seconds that it was given, while the broker is there."""


class Publisher:
    """Hands out confirms, each recipient's on a lane of its own.

    `declare` makes queues for recipients that have none and returns those that it could; `dumb` is told of a queue that
    confirmed nothing.
    """

    def __init__(
        self,
        settings: RabbitSettings,
        *,
        declare: Callable[[Collection[str]], Awaitable[frozenset[str]]],
        dumb: Dumb,
        log: Log,
    ) -> None:
        self._settings = settings
        self._declare = declare
        self._dumb = dumb
        self._log = log
        self._lanes: dict[str, Lane] = {}
        self._opening = asyncio.Lock()
        self.link = Link("publish", settings, prepare=self._prepare, lost=self._lanes.clear, log=log)

    async def publish(self, batch: Sequence[Publication], *, without: Collection[str] = ()) -> frozenset[int]:
        """Publish and return the ids that the broker confirmed; never raises for its troubles.

        The recipients go side by side: none waits for another's confirms. What is for one in `without` is left out.
        """
        parts: dict[str, list[Publication]] = {}
        for publication in batch:
            if publication.recipient not in without:
                parts.setdefault(publication.recipient, []).append(publication)
        try:
            self._usable_connection()
        except BrokerError as error:
            self._log("bus.publish_unconfirmed", error=str(error), count=len(batch))
            return frozenset()
        outcomes = await asyncio.gather(*(self._carry(part) for part in parts.values()))
        return frozenset().union(*(outcome.confirmed for outcome in outcomes))

    async def ask(self, publication: Publication) -> Answer:
        """Publish one wake-up on a new lane, and tell what its queue made of it."""
        outcome = Batch()
        try:
            lane = await self._open(publication.recipient)
            async with asyncio.timeout(self._settings.call_timeout):
                await self._carry_routed(lane, [publication], outcome)
        except BrokerError:
            return Answer.AWAY
        except TimeoutError:
            self._close(publication.recipient)
            return Answer.AWAY if self.link.blocked else Answer.NONE
        return Answer.CONFIRMED if outcome.confirmed else Answer.REFUSED

    async def _carry(self, batch: Sequence[Publication]) -> Batch:
        """One recipient's part of a batch, within the time that it is given."""
        recipient, outcome = batch[0].recipient, Batch()
        lane, words = self._lanes.get(recipient), 0
        try:
            async with asyncio.timeout(self._settings.publish_timeout):
                lane = await self._lane(recipient)
                words = lane.words
                await self._carry_routed(lane, batch, outcome)
        except BrokerError as error:
            count = len(batch) - len(outcome.confirmed)
            self._log("bus.publish_unconfirmed", recipient=recipient, error=str(error), count=count)
        except TimeoutError:
            self._on_timeout(lane, batch, outcome, heard=lane is not None and lane.words > words)
        else:
            if outcome.refused and not outcome.confirmed:
                self._dumb(batch[0], 0.0)
        return outcome

    async def _carry_routed(self, lane: Lane, batch: Sequence[Publication], outcome: Batch) -> None:
        await lane.carry(batch, outcome)
        unroutable, outcome.returned = outcome.returned, []
        if unroutable and await self._declare({unroutable[0].recipient}):
            await lane.carry(unroutable, outcome)

    def _on_timeout(self, lane: Lane | None, batch: Sequence[Publication], outcome: Batch, *, heard: bool) -> None:
        """Tell a dead queue from a dead broker: the latter opens no channel either, and is given up for that."""
        recipient, blocked = batch[0].recipient, self.link.blocked
        count = len(batch) - len(outcome.confirmed)
        self._log("bus.publish_timeout", recipient=recipient, count=count, blocked=blocked)
        if lane is None:
            self.link.abort("the broker opens no channel")
        elif heard or blocked:
            lane.give_up(outcome)
        else:
            self._close(recipient)
            self._dumb(batch[0], self._settings.publish_timeout)

    def _usable_connection(self) -> BrokerConnection:
        connection = self.link.connection
        if connection is None or not self.link.up:
            raise BrokerError("not connected")
        if connection.blocked:
            raise BrokerError("the broker blocks publishers")
        return connection

    async def _lane(self, recipient: str) -> Lane:
        """Return the recipient's lane, made now when it has none. Raises BrokerError."""
        if recipient not in self._lanes:
            async with self._opening:
                if recipient not in self._lanes:
                    return await self._open(recipient)
        return self._lanes[recipient]

    async def _open(self, recipient: str) -> Lane:
        """Give the recipient a new lane. Raises BrokerError."""
        connection = self._usable_connection()
        try:
            lane = await Lane.open(connection, self._settings, log=self._log)
        except BrokerError as error:
            self.link.abort(str(error))
            raise
        self._close(recipient)
        self._lanes[recipient] = lane
        lane.closed.add_done_callback(lambda reason: self._on_closed(recipient, lane, str(reason.result())))
        return lane

    def _close(self, recipient: str) -> None:
        lane = self._lanes.pop(recipient, None)
        if lane is not None:
            lane.leave()

    def _on_closed(self, recipient: str, lane: Lane, reason: str) -> None:
        """A channel that the broker closed is repaired by a new connection, like everything else."""
        if self._lanes.get(recipient) is lane:
            self.link.abort(reason)

    async def _prepare(self, connection: BrokerConnection) -> None:
        channel = await connection.channel()
        await declare_exchanges(channel, self._settings)
        channel.leave()
