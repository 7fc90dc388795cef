"""Recipients whose queue does not confirm: left out, asked again in growing pauses, their queue made anew at last.

Only the process that publishes comes to know of them, so that one process alone, the leading relay, replaces queues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from enum import Enum, auto

from gateway.bus.settings import Log, RabbitSettings
from gateway.ports import Publication


class Answer(Enum):
    """What became of one wake-up that a queue was asked to take."""

    CONFIRMED = auto()
    REFUSED = auto()
    """Said no: its server is gone, or it is full."""
    NONE = auto()
    """Nothing, while the broker answered otherwise."""
    FULL = auto()
    """It holds as many as its policy allows: nothing is broken."""
    AWAY = auto()
    """There was nobody to ask."""


_EXCUSES = (Answer.FULL, Answer.AWAY)


class Quarantine:
    """Watches each recipient in it by a task of its own until its queue confirms a wake-up again.

    `ask` publishes one wake-up, which may be a second one of its row: harmless, the row decides. `replace` deletes the
    queue and declares it anew, and tells whether it could.
    """

    def __init__(
        self,
        settings: RabbitSettings,
        *,
        ask: Callable[[Publication], Awaitable[Answer]],
        replace: Callable[[str], Awaitable[bool]],
        log: Log,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._replace = replace
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._replaced_at: dict[str, float] = {}

    @property
    def recipients(self) -> Collection[str]:
        """Those to whom nothing should be published now."""
        return self._watches.keys()

    def admit(self, publication: Publication, *, seconds: float) -> None:
        """Leave a recipient out whose queue has confirmed nothing for so long; the publication is what it is asked."""
        recipient = publication.recipient
        if recipient in self._watches:
            return
        self._log("bus.queue_unconfirming", recipient=recipient, seconds=seconds)
        watch = asyncio.get_running_loop().create_task(
            self._watch(publication, self._clock() - seconds), name=f"bus-quarantine-{recipient}"
        )
        self._watches[recipient] = watch
        watch.add_done_callback(lambda _watch: self._watches.pop(recipient, None))

    async def stop(self) -> None:
        """End all watches."""
        watches = list(self._watches.values())
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    async def _watch(self, publication: Publication, since: float) -> None:
        """Ask until it confirms. `since` is when it began to be dumb while there was a broker to answer for it."""
        recipient, failures = publication.recipient, 0
        while True:
            failures += 1
            await self._sleep(self._settings.backoff.delay(failures))
            answer = await self._ask(publication)
            if answer is Answer.CONFIRMED:
                self._log("bus.queue_confirms_again", recipient=recipient)
                return
            if answer in _EXCUSES:
                since = self._clock()
            elif self._is_due(recipient, since):
                await self._make_anew(recipient, since)
                since, failures = self._clock(), 0
            if answer is Answer.AWAY:
                failures = 0

    def _is_due(self, recipient: str, since: float) -> bool:
        now = self._clock()
        last = self._replaced_at.get(recipient)
        long_ago = last is None or now - last >= self._settings.replace_every
        return long_ago and now - since >= self._settings.replace_after

    async def _make_anew(self, recipient: str, since: float) -> None:
        self._replaced_at[recipient] = now = self._clock()
        if await self._replace(recipient):
            self._log("bus.queue_replaced", recipient=recipient, seconds=round(now - since, 1))
