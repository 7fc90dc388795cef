"""Exchanges and queues: declared on each new connection, and looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

from pika.exchange_type import ExchangeType

from gateway.bus.channels import BrokerChannel, BrokerConnection, BrokerError
from gateway.bus.link import Link
from gateway.bus.settings import Log, RabbitSettings

_QUORUM: Final = {"x-queue-type": "quorum"}
# The dead-letter queue only raises an alarm; the database holds the truth, so its oldest entries may go.
_DEAD_LIMIT: Final = {"x-max-length": 10_000}
_MISMATCH: Final = 406


async def declare_exchanges(channel: BrokerChannel, settings: RabbitSettings) -> None:
    """Declare the exchange for wake-ups and the one for dead letters with its queue. Raises BrokerError."""
    dead, raw = settings.dead, channel.raw
    await channel.call(raw.exchange_declare, exchange=settings.exchange, exchange_type=ExchangeType.topic, durable=True)
    await channel.call(raw.exchange_declare, exchange=dead, exchange_type=ExchangeType.fanout, durable=True)
    await channel.call(raw.queue_declare, queue=dead, durable=True, arguments=_QUORUM | _DEAD_LIMIT)
    await channel.call(raw.queue_bind, queue=dead, exchange=dead)


async def declare_queue(
    connection: BrokerConnection, settings: RabbitSettings, recipient: str, *, log: Log
) -> BrokerChannel:
    """Declare and bind a recipient's queue and return the channel it was done on. Raises BrokerError."""
    queue = settings.queue(recipient)
    channel = await connection.channel()
    await declare_exchanges(channel, settings)
    try:
        await channel.call(channel.raw.queue_declare, queue=queue, durable=True, arguments=_queue_arguments(settings))
    except BrokerError as error:
        if error.code != _MISMATCH:
            raise
        # Somebody declared it with other arguments; it still carries wake-ups, so it is used as it is.
        log("bus.queue_mismatch", recipient=recipient, queue=queue, error=str(error))
        channel = await connection.channel()
    await channel.call(channel.raw.queue_bind, queue=queue, exchange=settings.exchange, routing_key=f"{recipient}.#")
    return channel


def _queue_arguments(settings: RabbitSettings) -> dict[str, object]:
    # Before RabbitMQ 4.0 a quorum queue has no delivery limit of its own, since then it drops at 20: always said.
    return _QUORUM | {"x-delivery-limit": settings.delivery_limit, "x-dead-letter-exchange": settings.dead}


class Topology:
    """What exists in the broker for us: remembered here, declared again on each new connection of its link."""

    def __init__(self, settings: RabbitSettings, *, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._recipients: dict[str, None] = {}
        self.link = Link("control", settings, prepare=self._prepare, lost=lambda: None, log=log)

    async def declare(self, recipients: Collection[str]) -> frozenset[str]:
        """Remember the recipients and declare their queues; return those whose queue stands now."""
        self._recipients |= dict.fromkeys(recipients)
        connection = self.link.connection
        if connection is None:
            return frozenset()
        return frozenset([recipient for recipient in recipients if await self._declared(connection, recipient)])

    async def replace(self, recipient: str) -> bool:
        """Delete a recipient's queue, with what is in it, and declare it anew; tell whether it was deleted."""
        connection = self.link.connection
        if connection is None:
            return False
        try:
            channel = await connection.channel(call_timeout=self._settings.delete_timeout)
            await channel.call(channel.raw.queue_delete, queue=self._settings.queue(recipient))
        except BrokerError as error:
            self._log("bus.delete_failed", recipient=recipient, error=str(error))
            return False
        channel.leave()
        await self._declared(connection, recipient)
        return True

    async def depth(self, queue: str) -> int | None:
        """Messages ready in a queue; None when unknown."""
        try:
            return int((await self._look(queue)).message_count)
        except BrokerError:
            return None

    async def has_consumer(self, recipient: str) -> bool | None:
        """Tell whether a recipient's queue has a consumer anywhere; False too without a queue, None when unknown."""
        try:
            return bool((await self._look(self._settings.queue(recipient))).consumer_count)
        except BrokerError as error:
            return None if error.code is None else False

    async def _look(self, queue: str) -> Any:
        """Ask for a queue's figures, on a channel of its own: the broker closes it when there is no such queue."""
        connection = self.link.connection
        if connection is None:
            raise BrokerError("not connected")
        channel = await connection.channel()
        try:
            return (await channel.call(channel.raw.queue_declare, queue=queue, passive=True)).method
        finally:
            channel.leave()

    async def _declared(self, connection: BrokerConnection, recipient: str) -> bool:
        try:
            channel = await declare_queue(connection, self._settings, recipient, log=self._log)
        except BrokerError as error:
            self._log("bus.declare_failed", recipient=recipient, error=str(error))
            return False
        channel.leave()
        return True

    async def _prepare(self, connection: BrokerConnection) -> None:
        async with asyncio.TaskGroup() as group:
            for recipient in self._recipients:
                group.create_task(self._declared(connection, recipient))
