"""Consumes one recipient's queue on a channel of its own, again and again as connections come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.bus.channels import BrokerChannel, BrokerConnection, BrokerError
from gateway.bus.messages import wakeup_of
from gateway.bus.workbench import Workbench


class Consumer:
    """A subscription of the RabbitMQ bus. `fell_silent` is called when the broker ended its consuming."""

    def __init__(
        self,
        recipient: str,
        queue: str,
        bench: Workbench,
        *,
        prefetch: int,
        fell_silent: Callable[[], None],
        left: Callable[[Consumer], None],
    ) -> None:
        self.recipient = recipient
        self._queue = queue
        self._bench = bench
        self._prefetch = prefetch
        self._fell_silent = fell_silent
        self._left = left
        self._channel: BrokerChannel | None = None
        self._tag: str | None = None
        self._turn = asyncio.Lock()
        self._cancelled = False

    @property
    def consuming(self) -> bool:
        """Tell whether the broker knows this consumer, as far as it told us."""
        return self._tag is not None and self._channel is not None and self._channel.is_open

    async def attach(self, connection: BrokerConnection) -> None:
        """Consume on this connection unless it already does. Raises BrokerError."""
        async with self._turn:
            if not (self.consuming or self._cancelled):
                await self._consume(await connection.channel())

    async def renew(self, connection: BrokerConnection) -> None:
        """Consume on a fresh channel, whatever the old one says of itself. Raises BrokerError."""
        old, self._channel, self._tag = self._channel, None, None
        if old is not None and old.is_open:
            old.raw.close()
        await self.attach(connection)

    def forget(self) -> None:
        """The connection is lost, and the consuming with it; handlers under way go on."""
        self._tag = None

    async def cancel(self) -> None:
        """No new wake-ups; returns when those under way are finished and acknowledged."""
        if not self._cancelled:
            self._cancelled = True
            self._left(self)
        async with self._turn:
            channel = self._channel
            with suppress(BrokerError):
                await self._stop_consuming()
            await self._bench.drain()
            if channel is not None and channel.is_open:
                with suppress(TimeoutError):
                    await channel.close()

    async def abandon(self) -> None:
        """Cut the handlers under way; the broker gives their wake-ups to others."""
        self._cancelled = True
        await self._bench.abandon()

    async def _stop_consuming(self) -> None:
        if self.consuming and self._channel is not None:
            tag, self._tag = self._tag, None
            await self._channel.call(self._channel.raw.basic_cancel, consumer_tag=tag)

    async def _consume(self, channel: BrokerChannel) -> None:
        self._channel = channel
        channel.raw.add_on_cancel_callback(lambda _frame: self._on_silence())
        channel.closed.add_done_callback(lambda _reason: self._on_channel_closed(channel))
        # Per consumer, not global: a global limit makes the broker close a quorum queue's connection.
        await channel.call(channel.raw.basic_qos, prefetch_count=self._prefetch)
        answer = await channel.call(
            channel.raw.basic_consume,
            queue=self._queue,
            on_message_callback=partial(self._on_message, channel),
        )
        self._tag = answer.method.consumer_tag

    def _on_channel_closed(self, channel: BrokerChannel) -> None:
        if channel is self._channel:
            self._on_silence()

    def _on_silence(self) -> None:
        """Have it looked at; one that never consumed waits for the supervisor's next round instead."""
        consumed, self._tag = self._tag is not None, None
        if consumed and not self._cancelled:
            self._fell_silent()

    def _on_message(self, channel: BrokerChannel, _raw: object, method: Any, properties: Any, body: bytes) -> None:
        wakeup = wakeup_of(self.recipient, properties, body, redelivered=method.redelivered)
        if wakeup is None:
            # Not one of ours: to the dead letters, where it raises the alarm.
            channel.raw.basic_reject(method.delivery_tag, requeue=False)
            return
        self._bench.take(
            wakeup,
            done=partial(_answer, channel, channel.raw.basic_ack, method.delivery_tag),
            # Reject, not nack: only it counts toward the delivery limit in every version of the broker.
            give_back=partial(_answer, channel, channel.raw.basic_reject, method.delivery_tag),
        )


def _answer(channel: BrokerChannel, method: Callable[[int], None], tag: int) -> None:
    """Answer a message on the channel it came on; when that is gone the broker has given the message on already."""
    if channel.is_open:
        method(tag)
