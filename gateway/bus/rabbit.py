"""The bus on RabbitMQ: two connections, one for publishing and one for everything else, and a watch over consumers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

from gateway.bus.channels import BrokerConnection, BrokerError
from gateway.bus.consumer import Consumer
from gateway.bus.link import Link
from gateway.bus.publisher import Publisher
from gateway.bus.settings import Log, RabbitSettings, silence
from gateway.bus.topology import Topology
from gateway.bus.workbench import Workbench
from gateway.ports import BusState, Handle, Publication


class RabbitBus:
    """The port `Bus` on RabbitMQ 3.10 or later."""

    durable = True

    def __init__(self, settings: RabbitSettings, *, log: Log = silence) -> None:
        self._settings = settings
        self._log = log
        self._topology = Topology(settings, log=log)
        self._publisher = Publisher(settings, declare=self._topology.declare, log=log)
        self._work = Link("work", settings, prepare=self._prepare, lost=self._on_lost, log=log)
        self._consumers: list[Consumer] = []
        self._look_now = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect in the background; returns at once, the broker up or down."""
        self._work.start()
        self._publisher.link.start()
        self._watch = asyncio.get_running_loop().create_task(self._supervise(), name="bus-supervisor")

    async def stop(self) -> None:
        """Close; handlers under way are cut, unconfirmed publishes stay unknown."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await asyncio.gather(*(consumer.abandon() for consumer in self._consumers))
        await asyncio.gather(self._work.stop(), self._publisher.link.stop())

    async def declare(self, recipients: Collection[str]) -> None:
        """Make the recipients' queues exist: now where the broker is up, else as soon as it is."""
        await self._topology.declare(recipients)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Publish and return the ids that the broker confirmed; at once empty when it is away or blocks publishers."""
        return await self._publisher.publish(batch)

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> Consumer:
        """Consume a recipient's queue: now where the broker is up, and after each reconnect."""
        settings = self._settings
        consumer = Consumer(
            recipient,
            settings.queue(recipient),
            Workbench(prefetch=prefetch, handle=handle, reject_pause=settings.reject_pause, log=self._log),
            prefetch=prefetch,
            fell_silent=self._look_now.set,
            left=self._consumers.remove,
        )
        self._consumers.append(consumer)
        await self._topology.declare([recipient])
        await self._attach(consumer)
        return consumer

    async def depth(self, recipient: str) -> int | None:
        """Wake-ups ready in the queue; None when unknown."""
        return await self._topology.depth(self._settings.queue(recipient))

    async def dead_depth(self) -> int | None:
        """Wake-ups that the broker gave up on; None when unknown."""
        return await self._topology.depth(self._settings.dead)

    def state(self) -> BusState:
        """How the bus is, as far as the broker told."""
        return BusState(
            connected=self._work.up and self._publisher.link.up,
            blocked=self._publisher.link.blocked,
            silent=tuple(sorted({each.recipient for each in self._consumers if not each.consuming})),
        )

    async def supervise(self) -> None:
        """Look at each subscribed queue once, and consume anew where its consumer is gone."""
        for consumer in list(self._consumers):
            if self._work.up and await self._is_silent(consumer):
                self._log("bus.consumer_silent", recipient=consumer.recipient)
                await self._topology.declare([consumer.recipient])
                await self._attach(consumer, anew=True)

    async def _is_silent(self, consumer: Consumer) -> bool:
        """A channel that claims to consume while the broker knows no consumer of the queue is silent too."""
        return not consumer.consuming or await self._topology.has_consumer(consumer.recipient) is False

    async def _supervise(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.supervise_every):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                await self.supervise()
            except Exception as error:  # noqa: BLE001 - the watch must not end with what it watches
                self._log("bus.supervisor_failed", error=repr(error))

    async def _attach(self, consumer: Consumer, *, anew: bool = False) -> None:
        connection = self._work.connection
        if connection is None:
            return
        try:
            await (consumer.renew(connection) if anew else consumer.attach(connection))
        except BrokerError as error:
            self._log("bus.consume_failed", recipient=consumer.recipient, error=str(error))

    async def _prepare(self, connection: BrokerConnection) -> None:
        await self._topology.attach(connection)
        for consumer in list(self._consumers):
            await self._attach(consumer)

    def _on_lost(self) -> None:
        self._topology.detach()
        for consumer in self._consumers:
            consumer.forget()
