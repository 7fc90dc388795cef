"""Publishes wake-ups: mandatory, persistent, confirmed, in a bounded window, on a connection of its own.

A connection that publishes is the one that the broker blocks on an alarm; consumers acknowledge on another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic

from gateway.bus.channels import BrokerChannel, BrokerConnection, BrokerError
from gateway.bus.link import Link
from gateway.bus.messages import delivery_id_of, properties_of
from gateway.bus.settings import Log, RabbitSettings
from gateway.bus.topology import declare_exchanges
from gateway.bus.window import Batch, ConfirmWindow
from gateway.ports import Publication


class Publisher:
    """Hands out confirms. `declare` makes queues for recipients that have none and returns those that it could."""

    def __init__(
        self, settings: RabbitSettings, *, declare: Callable[[Collection[str]], Awaitable[frozenset[str]]], log: Log
    ) -> None:
        self._settings = settings
        self._declare = declare
        self._log = log
        self._channel: BrokerChannel | None = None
        self._window = self._new_window()
        self._changed = asyncio.Event()
        self._words = 0
        self.link = Link("publish", settings, prepare=self._prepare, lost=self._on_lost, log=log)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Publish and return the ids that the broker confirmed; never raises for its troubles."""
        outcome, words = Batch(), self._words
        try:
            async with asyncio.timeout(self._settings.publish_timeout):
                await self._publish_routed(batch, outcome)
        except BrokerError as error:
            self._log("bus.publish_unconfirmed", error=str(error), count=len(batch) - len(outcome.confirmed))
        except TimeoutError:
            self._on_timeout(len(batch) - len(outcome.confirmed), heard=self._words > words)
        return frozenset(outcome.confirmed)

    async def _publish_routed(self, batch: Sequence[Publication], outcome: Batch) -> None:
        await self._round(batch, outcome)
        unroutable, outcome.returned = outcome.returned, []
        if unroutable:
            made = await self._declare({publication.recipient for publication in unroutable})
            await self._round([each for each in unroutable if each.recipient in made], outcome)

    async def _round(self, batch: Sequence[Publication], outcome: Batch) -> None:
        """Publish all and wait for the broker's word on each. Raises BrokerError when the channel is lost."""
        channel = self._usable_channel()
        for publication in batch:
            while self._window.is_full:
                await self._next_change(channel)
            self._send(channel, publication, outcome)
        while outcome.in_flight:
            await self._next_change(channel)

    def _usable_channel(self) -> BrokerChannel:
        if self._channel is None or not self._channel.is_open:
            raise BrokerError("not connected")
        if self.link.blocked:
            raise BrokerError("the broker blocks publishers")
        return self._channel

    async def _next_change(self, channel: BrokerChannel) -> None:
        """Wait for the broker's next word. Raises BrokerError when this channel is no longer the publisher's."""
        if self._channel is not channel:
            raise BrokerError("the connection was lost")
        await self._changed.wait()

    def _send(self, channel: BrokerChannel, publication: Publication, outcome: Batch) -> None:
        if self._channel is not channel or not channel.is_open:
            raise BrokerError("the connection was lost")
        try:
            channel.raw.basic_publish(
                exchange=self._settings.exchange,
                routing_key=f"{publication.recipient}.{publication.type}",
                body=publication.body,
                properties=properties_of(publication),
                mandatory=True,
            )
        except AMQPError as error:
            # It cannot be written as an AMQP message; the others of its batch must not wait for it.
            self._log("bus.unpublishable", delivery=publication.delivery_id, error=repr(error))
        else:
            self._window.add(publication, outcome)

    def _on_timeout(self, count: int, *, heard: bool) -> None:
        """Give a broker up that neither confirmed anything nor says that it is blocked; its window is unknown.

        One that confirms others may lack the majority of one queue, which is no reason to drop the rest.
        """
        self._log("bus.publish_timeout", count=count, blocked=self.link.blocked)
        if not (heard or self.link.blocked):
            self.link.abort("confirms are overdue")

    async def _prepare(self, connection: BrokerConnection) -> None:
        channel = await connection.channel()
        await declare_exchanges(channel, self._settings)
        self._window = self._new_window()
        channel.raw.add_on_return_callback(self._on_return)
        await channel.call(channel.raw.confirm_delivery, ack_nack_callback=self._on_confirm)
        # A publishing channel that the broker closed is repaired by a new connection, like everything else.
        channel.closed.add_done_callback(lambda reason: self.link.abort(str(reason.result())))
        self._channel = channel

    def _on_lost(self) -> None:
        self._channel = None
        self._window.lose()
        self._announce()

    def _on_return(self, _channel: object, _method: object, properties: Any, _body: bytes) -> None:
        delivery_id = delivery_id_of(properties)
        if delivery_id is not None:
            self._window.mark_returned(delivery_id)

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        self._words += 1
        self._window.settle(method.delivery_tag, multiple=method.multiple, acked=isinstance(method, Basic.Ack))
        self._announce()

    def _announce(self) -> None:
        """Wake everyone who waits for a change, once."""
        self._changed.set()
        self._changed.clear()

    def _new_window(self) -> ConfirmWindow:
        return ConfirmWindow(limit=self._settings.window, limit_bytes=self._settings.window_bytes)
