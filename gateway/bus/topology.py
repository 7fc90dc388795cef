"""Exchanges and queues: declared on each new connection, and looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

from pika.exchange_type import ExchangeType

from gateway.bus.channels import BrokerChannel, BrokerConnection, BrokerError
from gateway.bus.settings import Log, RabbitSettings

_QUORUM: Final = {"x-queue-type": "quorum"}
# The dead-letter queue only raises an alarm; the database holds the truth, so its oldest entries may go.
_DEAD_LIMIT: Final = {"x-max-length": 10_000}
_MISMATCH: Final = 406


async def declare_exchange(channel: BrokerChannel, settings: RabbitSettings) -> None:
    """Declare the exchange that wake-ups are published to. Raises BrokerError."""
    await channel.call(
        channel.raw.exchange_declare, exchange=settings.exchange, exchange_type=ExchangeType.topic, durable=True
    )


class Topology:
    """What exists in the broker for us: remembered here, declared again on each new connection.

    All calls take turns on one channel of the connection, opened anew after the broker closed it over a refusal.
    """

    def __init__(self, settings: RabbitSettings, *, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._recipients: dict[str, None] = {}
        self._connection: BrokerConnection | None = None
        self._channel: BrokerChannel | None = None
        self._turn = asyncio.Lock()

    async def attach(self, connection: BrokerConnection) -> None:
        """Take a new connection and declare everything on it. Raises BrokerError when not even the exchanges stand."""
        self._connection = connection
        async with self._turn:
            channel = await self._open_channel()
            await declare_exchange(channel, self._settings)
            await self._declare_dead(channel)
        await self.declare(list(self._recipients))

    def detach(self) -> None:
        """Forget the lost connection; what was declared is remembered."""
        self._connection = None
        self._channel = None

    async def declare(self, recipients: Collection[str]) -> frozenset[str]:
        """Remember the recipients and declare their queues; return those whose queue stands now."""
        self._recipients |= dict.fromkeys(recipients)
        return frozenset([recipient for recipient in recipients if await self._declared(recipient)])

    async def depth(self, queue: str) -> int | None:
        """Messages ready in a queue; None when unknown."""
        found = await self._look(queue)
        return None if found is None else found.message_count

    async def has_consumer(self, recipient: str) -> bool | None:
        """Tell whether a recipient's queue has a consumer anywhere; False too without a queue, None when unknown."""
        try:
            found = await self._passive(self._settings.queue(recipient))
        except BrokerError as error:
            return None if error.code is None else False
        return bool(found.consumer_count)

    async def _look(self, queue: str) -> Any:
        try:
            return await self._passive(queue)
        except BrokerError:
            return None

    async def _passive(self, queue: str) -> Any:
        async with self._turn:
            channel = await self._open_channel()
            return (await channel.call(channel.raw.queue_declare, queue=queue, passive=True)).method

    async def _declared(self, recipient: str) -> bool:
        try:
            async with self._turn:
                await self._declare_queue(recipient)
        except BrokerError as error:
            self._log("bus.declare_failed", recipient=recipient, error=str(error))
            return False
        return True

    async def _declare_queue(self, recipient: str) -> None:
        queue = self._settings.queue(recipient)
        channel = await self._open_channel()
        try:
            await channel.call(channel.raw.queue_declare, queue=queue, durable=True, arguments=self._arguments())
        except BrokerError as error:
            if error.code != _MISMATCH:
                raise
            # Somebody declared it with other arguments; it still carries wake-ups, so it is used as it is.
            self._log("bus.queue_mismatch", recipient=recipient, queue=queue, error=str(error))
            channel = await self._open_channel()
        await channel.call(
            channel.raw.queue_bind, queue=queue, exchange=self._settings.exchange, routing_key=f"{recipient}.#"
        )

    async def _declare_dead(self, channel: BrokerChannel) -> None:
        dead, raw = self._settings.dead, channel.raw
        await channel.call(raw.exchange_declare, exchange=dead, exchange_type=ExchangeType.fanout, durable=True)
        await channel.call(raw.queue_declare, queue=dead, durable=True, arguments=_QUORUM | _DEAD_LIMIT)
        await channel.call(raw.queue_bind, queue=dead, exchange=dead)

    def _arguments(self) -> dict[str, object]:
        # Before RabbitMQ 4.0 a quorum queue has no delivery limit of its own, since then it drops at 20: always said.
        return _QUORUM | {
            "x-delivery-limit": self._settings.delivery_limit,
            "x-dead-letter-exchange": self._settings.dead,
        }

    async def _open_channel(self) -> BrokerChannel:
        if self._channel is None or not self._channel.is_open:
            if self._connection is None:
                raise BrokerError("not connected")
            self._channel = await self._connection.channel()
        return self._channel
