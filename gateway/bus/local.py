"""The in-process bus of the embedded default: the port's promises, for as long as the process lives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from gateway.bus.settings import LocalSettings, Log, silence
from gateway.bus.workbench import Workbench
from gateway.ports import BusState, Handle, Publication, Wakeup


@dataclass(slots=True, kw_only=True)
class _Entry:
    wakeup: Wakeup
    returns: int = 0


class _Queue:
    """One recipient's wake-ups and the consumers that share them in turn."""

    def __init__(self, *, settings: LocalSettings, bury: Callable[[Wakeup], None]) -> None:
        self.ready: deque[_Entry] = deque()
        self.consumers: deque[_LocalSubscription] = deque()
        self._settings = settings
        self._bury = bury

    @property
    def full(self) -> bool:
        """Tell whether one more wake-up finds no room."""
        return len(self.ready) >= self._settings.queue_limit

    def put(self, wakeup: Wakeup) -> bool:
        """Append a wake-up and hand it on if a consumer has room; False when the queue is full."""
        if self.full:
            return False
        self.ready.append(_Entry(wakeup=wakeup))
        self.dispatch()
        return True

    def give_back(self, entry: _Entry) -> None:
        """Put a failed wake-up back where it was: at the head; bury it at the delivery limit."""
        entry.returns += 1
        if entry.returns > self._settings.delivery_limit:
            self._bury(entry.wakeup)
        else:
            entry.wakeup = replace(entry.wakeup, redelivered=True)
            self.ready.appendleft(entry)
        self.dispatch()

    def dispatch(self) -> None:
        """Hand ready wake-ups to consumers with room, one each in turn."""
        while self.ready and (consumer := self._next_with_room()) is not None:
            consumer.take(self.ready.popleft())

    def _next_with_room(self) -> _LocalSubscription | None:
        for _ in range(len(self.consumers)):
            self.consumers.rotate(-1)
            if self.consumers[-1].has_room:
                return self.consumers[-1]
        return None


class _LocalSubscription:
    """One consumer of one queue."""

    def __init__(self, queue: _Queue, bench: Workbench, *, prefetch: int) -> None:
        self._queue = queue
        self._bench = bench
        self._room = prefetch
        queue.consumers.append(self)

    @property
    def has_room(self) -> bool:
        """Tell whether one more wake-up may be in hand."""
        return self._room > 0

    def take(self, entry: _Entry) -> None:
        """Begin a wake-up; only while `has_room`."""
        self._room -= 1
        self._bench.take(entry.wakeup, done=self._done, give_back=lambda: self._give_back(entry))

    async def cancel(self) -> None:
        """No new wake-ups; returns when those under way are finished."""
        self._leave()
        await self._bench.drain()

    async def abandon(self) -> None:
        """No new wake-ups; those under way are cut."""
        self._leave()
        await self._bench.abandon()

    def _leave(self) -> None:
        if self in self._queue.consumers:
            self._queue.consumers.remove(self)

    def _done(self) -> None:
        self._room += 1
        self._queue.dispatch()

    def _give_back(self, entry: _Entry) -> None:
        self._room += 1
        self._queue.give_back(entry)


class LocalBus:
    """The bus inside one process. It forgets everything at `start`; what it confirms lives as long as the process."""

    durable = False

    def __init__(self, settings: LocalSettings | None = None, *, log: Log = silence) -> None:
        self._settings = settings or LocalSettings()
        self._log = log
        self._queues: dict[str, _Queue] = {}
        self._dead = 0
        self._up = False

    async def start(self) -> None:
        """Begin empty."""
        self._queues = {}
        self._dead = 0
        self._up = True

    async def stop(self) -> None:
        """Cut handlers under way and forget the queues."""
        self._up = False
        consumers = [consumer for queue in self._queues.values() for consumer in queue.consumers]
        await asyncio.gather(*(consumer.abandon() for consumer in consumers))
        self._queues = {}

    async def declare(self, recipients: Collection[str]) -> None:
        """Make the recipients' queues exist."""
        for recipient in recipients:
            self._queue(recipient)

    async def publish(self, batch: Sequence[Publication]) -> frozenset[int]:
        """Queue the wake-ups; those that found room are confirmed, none when the bus is not up."""
        if not self._up:
            return frozenset()
        return frozenset(each.delivery_id for each in batch if self._queue(each.recipient).put(_wakeup(each)))

    def take_emptied(self) -> frozenset[str]:
        """None: a queue lives as long as the bus."""
        return frozenset()

    async def subscribe(self, recipient: str, *, prefetch: int, handle: Handle) -> _LocalSubscription:
        """Consume a recipient's queue, at most `prefetch` wake-ups in hand at once."""
        pause = self._settings.reject_pause
        bench = Workbench(prefetch=prefetch, handle=handle, reject_pause=pause, log=self._log)
        queue = self._queue(recipient)
        subscription = _LocalSubscription(queue, bench, prefetch=prefetch)
        queue.dispatch()
        return subscription

    async def depth(self, recipient: str) -> int | None:
        """Wake-ups ready in the queue; None when there is none."""
        queue = self._queues.get(recipient)
        return None if queue is None else len(queue.ready)

    async def dead_depth(self) -> int | None:
        """Wake-ups that were given up since the start."""
        return self._dead

    def state(self) -> BusState:
        """Tell whether the bus is up and which queues are full; it is never blocked and no queue falls silent."""
        full = [recipient for recipient, queue in self._queues.items() if queue.full]
        return BusState(connected=self._up, full=full)

    def _queue(self, recipient: str) -> _Queue:
        if recipient not in self._queues:
            self._queues[recipient] = _Queue(settings=self._settings, bury=self._bury)
        return self._queues[recipient]

    def _bury(self, wakeup: Wakeup) -> None:
        self._dead += 1
        self._log("bus.dead_lettered", recipient=wakeup.recipient, delivery=wakeup.delivery_id)


def _wakeup(publication: Publication) -> Wakeup:
    return Wakeup(
        delivery_id=publication.delivery_id,
        recipient=publication.recipient,
        redelivered=False,
    )
