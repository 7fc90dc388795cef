"""Consumes one recipient's queue on a connection of its own.

RabbitMQ ends a whole connection (541) when it meets a quorum queue whose server is gone: one recipient's broken queue
must not take the others' consumers with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.bus.channels import BrokerChannel, BrokerConnection
from gateway.bus.link import Link
from gateway.bus.messages import wakeup_of
from gateway.bus.settings import Log, RabbitSettings
from gateway.bus.topology import declare_queue
from gateway.bus.workbench import Workbench


class Consumer:
    """A subscription of the RabbitMQ bus; its link brings it back after whatever ended its consuming."""

    def __init__(
        self,
        recipient: str,
        settings: RabbitSettings,
        bench: Workbench,
        *,
        prefetch: int,
        left: Callable[[Consumer], None],
        log: Log,
    ) -> None:
        self.recipient = recipient
        self._settings = settings
        self._bench = bench
        self._prefetch = prefetch
        self._left = left
        self._log = log
        self._channel: BrokerChannel | None = None
        self._tag: str | None = None
        self._cancelled = False
        self.link = Link(f"consume-{recipient}", settings, prepare=self._consume, lost=self._on_lost, log=log)

    @property
    def consuming(self) -> bool:
        """Tell whether the broker knows this consumer, as far as it told us."""
        return self._tag is not None and self.link.up

    async def cancel(self) -> None:
        """No new wake-ups; returns when those under way are finished and acknowledged."""
        if not self._cancelled:
            self._cancelled = True
            self._left(self)
        if self.consuming and self._channel is not None:
            tag, self._tag = self._tag, None
            self._channel.raw.basic_cancel(tag, callback=lambda _frame: None)
        await self._bench.drain()
        await self.link.stop()

    async def abandon(self) -> None:
        """Cut the handlers under way; the broker gives their wake-ups to others."""
        self._cancelled = True
        await self._bench.abandon()
        await self.link.stop()

    async def _consume(self, connection: BrokerConnection) -> None:
        if self._cancelled:
            return
        channel = await declare_queue(connection, self._settings, self.recipient, log=self._log)
        channel.raw.add_on_cancel_callback(lambda _frame: self.link.abort("the broker cancelled the consumer"))
        channel.closed.add_done_callback(lambda reason: self.link.abort(str(reason.result())))
        # Per consumer, not global: a global limit makes the broker close a quorum queue's connection.
        await channel.call(channel.raw.basic_qos, prefetch_count=self._prefetch)
        answer = await channel.call(
            channel.raw.basic_consume,
            queue=self._settings.queue(self.recipient),
            on_message_callback=partial(self._on_message, channel),
        )
        self._channel, self._tag = channel, answer.method.consumer_tag

    def _on_lost(self) -> None:
        self._channel = self._tag = None

    def _on_message(self, channel: BrokerChannel, _raw: object, method: Any, properties: Any, _body: bytes) -> None:
        wakeup = wakeup_of(self.recipient, properties, redelivered=method.redelivered)
        if wakeup is None or self._cancelled:
            # Not one of ours: to the dead letters, where it raises the alarm. Too late for us: back to the queue.
            channel.raw.basic_reject(method.delivery_tag, requeue=wakeup is not None)
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
