"""One recipient's way into its queue: a channel in confirm mode, with a window of its own.

A quorum queue without a leader leaves the whole channel that publishes to it unanswered (RabbitMQ 3.10 registers a
publisher with its queue before it goes on): on a shared one, every other recipient would wait with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic

from gateway.bus.channels import BrokerChannel, BrokerConnection, BrokerError
from gateway.bus.messages import delivery_id_of, properties_of
from gateway.bus.settings import Log, RabbitSettings
from gateway.bus.window import Batch, ConfirmWindow
from gateway.ports import Publication


class Lane:
    """Publishes on one channel. `words` counts what the broker said to it."""

    def __init__(self, channel: BrokerChannel, settings: RabbitSettings, *, log: Log) -> None:
        self.words = 0
        self.closed = channel.closed
        self._channel = channel
        self._exchange = settings.exchange
        self._log = log
        self._window = ConfirmWindow(limit=settings.window, limit_bytes=settings.window_bytes)
        self._changed = asyncio.Event()
        channel.closed.add_done_callback(lambda _reason: self._lose())

    @classmethod
    async def open(cls, connection: BrokerConnection, settings: RabbitSettings, *, log: Log) -> Lane:
        """Open a channel. Raises BrokerError when the broker is gone or does not answer in time."""
        channel = await connection.channel()
        lane = cls(channel, settings, log=log)
        channel.raw.add_on_return_callback(lane._on_return)
        await channel.call(channel.raw.confirm_delivery, ack_nack_callback=lane._on_confirm)
        return lane

    async def carry(self, batch: Sequence[Publication], outcome: Batch) -> None:
        """Publish all and wait for the broker's word on each. Raises BrokerError when the channel is lost."""
        for publication in batch:
            while self._window.is_full:
                await self._changed.wait()
            self._check_open()
            self._send(publication, outcome)
        while outcome.in_flight:
            await self._changed.wait()
        self._check_open()

    def give_up(self, outcome: Batch) -> None:
        """Nobody waits for these confirms any more: what stands out is unknown and takes no place in the window."""
        self._window.give_up(outcome)
        self._announce()

    def leave(self) -> None:
        """Close the channel without waiting for the broker; what is in flight is unknown."""
        self._channel.leave()
        self._lose()

    def _check_open(self) -> None:
        if not self._channel.is_open:
            raise BrokerError("the channel was lost")

    def _send(self, publication: Publication, outcome: Batch) -> None:
        try:
            self._channel.raw.basic_publish(
                exchange=self._exchange,
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

    def _lose(self) -> None:
        self._window.lose()
        self._announce()

    def _on_return(self, _channel: object, _method: object, properties: Any, _body: bytes) -> None:
        delivery_id = delivery_id_of(properties)
        if delivery_id is not None:
            self._window.mark_returned(delivery_id)

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        self.words += 1
        self._window.settle(method.delivery_tag, multiple=method.multiple, acked=isinstance(method, Basic.Ack))
        self._announce()

    def _announce(self) -> None:
        """Wake everyone who waits for a change, once."""
        self._changed.set()
        self._changed.clear()
