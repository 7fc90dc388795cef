"""The bus on RabbitMQ: one connection to publish, one to declare and count, one a consumer, and a watch over those."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

from gateway.bus.channels import check_url
from gateway.bus.consumer import Consumer
from gateway.bus.publisher import Publisher
from gateway.bus.quarantine import Answer, Quarantine
from gateway.bus.settings import Log, RabbitSettings, silence
from gateway.bus.topology import Topology
from gateway.bus.workbench import Workbench
from gateway.observe import METRICS
from gateway.observe.metric_table import QUEUES_REPLACED
from gateway.ports import BusState, Handle, Publication


class RabbitBus:
    """The port `Bus` on RabbitMQ 3.10 or later. Raises ValueError for a URL that is none of a broker."""

    durable = True

    def __init__(self, settings: RabbitSettings, *, log: Log = silence) -> None:
        check_url(settings.url)
        self._settings = settings
        self._log = log
        self._topology = Topology(settings, log=log)
        self._publisher = Publisher(settings, declare=self._topology.declare, dumb=self._on_dumb, log=log)
        self._quarantine = Quarantine(settings, ask=self._ask, replace=self._replace, log=log)
        self._emptied: set[str] = set()
        self._consumers: list[Consumer] = []
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect in the background; returns at once, the broker up or down."""
        self._topology.link.start()
        self._publisher.link.start()
        self._watch = asyncio.get_running_loop().create_task(self._supervise(), name="bus-supervisor")

    async def stop(self) -> None:
        """Close; handlers under way are cut, unconfirmed publishes stay unknown."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._quarantine.stop()
        parts = [consumer.abandon() for consumer in self._consumers]
        await asyncio.gather(*parts, self._topology.link.stop(), self._publisher.link.stop())

    async def declare(self, recipients: Collection[str]) -> None:
        """Make the recipients' queues exist: now where the broker is up, else as soon as it is."""
        await self._topology.declare(recipients)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Publish and return the ids that the broker confirmed; at once empty when it is away or blocks publishers.

        What is for a recipient whose queue does not confirm is left out: `state().full` names them.
        """
        return await self._publisher.publish(batch, without=self._quarantine.recipients)

    def take_emptied(self) -> frozenset[str]:
        """Recipients whose queue was made anew since the last call: the wake-ups in it are gone."""
        emptied, self._emptied = frozenset(self._emptied), set()
        return emptied

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> Consumer:
        """Consume a recipient's queue from soon on, and after each reconnect."""
        pause = self._settings.reject_pause
        bench = Workbench(prefetch=prefetch, handle=handle, reject_pause=pause, log=self._log)
        left = self._consumers.remove
        consumer = Consumer(recipient, self._settings, bench, prefetch=prefetch, left=left, log=self._log)
        self._consumers.append(consumer)
        consumer.link.start()
        await self._topology.declare([recipient])
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
            connected=self._topology.link.up and self._publisher.link.up,
            blocked=self._publisher.link.blocked,
            silent=tuple(sorted({each.recipient for each in self._consumers if not each.consuming})),
            full=tuple(sorted(self._quarantine.recipients)),
        )

    async def supervise(self) -> None:
        """Look at each subscribed queue once; a consumer that the broker does not know gets a new connection."""
        for consumer in list(self._consumers):
            if consumer.consuming and await self._topology.has_consumer(consumer.recipient) is False:
                self._log("bus.consumer_silent", recipient=consumer.recipient)
                consumer.link.abort("the broker knows no consumer of the queue")

    def _on_dumb(self, publication: Publication, seconds: float) -> None:
        self._quarantine.admit(publication, seconds=seconds)

    async def _ask(self, publication: Publication) -> Answer:
        answer = await self._publisher.ask(publication)
        full = answer is Answer.REFUSED and await self.depth(publication.recipient)
        return Answer.FULL if full else answer

    async def _replace(self, recipient: str) -> bool:
        replaced = await self._topology.replace(recipient)
        if replaced:
            self._emptied.add(recipient)
            METRICS.add(QUEUES_REPLACED, recipient=recipient)
        return replaced

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(self._settings.supervise_every)
            try:
                await self.supervise()
            except Exception as error:  # noqa: BLE001 - the watch must not end with what it watches
                self._log("bus.supervisor_failed", error=repr(error))
