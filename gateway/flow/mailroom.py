"""The pull side: what stands in a recipient's mailbox, with a long poll.

Source: protocol section 5 (`GET /v1/mailbox`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gateway.core.delivery import SECOND
from gateway.core.errors import Problem
from gateway.flow.pulse import Bell
from gateway.ports import Clock, Mailbox, Waiting

LOOK_AGAIN_SECONDS: Final = 0.5
"""How often a long poll looks by itself: messages may have been accepted by another process."""

POLLS: Final = 64
"""Long polls of one recipient that may wait at once in one process."""

_CROWDED: Final = "等待中的长轮询过多，请减少并发，或以 wait=0 查询。"


class Mailroom:
    """Lists mailboxes."""

    def __init__(self, mailbox: Mailbox, arrivals: Bell, clock: Clock, *, polls: int = POLLS) -> None:
        self._mailbox = mailbox
        self._arrivals = arrivals
        self._clock = clock
        self._polls = polls
        self._waiting: Counter[str] = Counter()
        self._closing = False

    async def collect(self, recipient: str, *, limit: int, after: int | None, wait: float) -> Sequence[Waiting]:
        """At most `limit` messages; when there are none, look again until `wait` seconds are over.

        RATE_LIMITED for one more poll of a recipient than may wait: each of them reads the database again and again.
        """
        until = self._clock.now() + int(wait * SECOND)
        seen = self._arrivals.rings
        found = await self._mailbox.waiting(recipient, limit=limit, after=after)
        if found or self._left(until) <= 0:
            return found
        with self._seat(recipient):
            while not found and (left := self._left(until)) > 0:
                await self._arrivals.wait(seen, min(left, LOOK_AGAIN_SECONDS))
                seen = self._arrivals.rings
                found = await self._mailbox.waiting(recipient, limit=limit, after=after)
        return found

    def _left(self, until: int) -> float:
        """Seconds; none while closing."""
        return 0 if self._closing else (until - self._clock.now()) / SECOND

    @contextmanager
    def _seat(self, recipient: str) -> Iterator[None]:
        if self._waiting[recipient] >= self._polls:
            raise Problem("RATE_LIMITED", _CROWDED, retry_after=1)
        self._waiting[recipient] += 1
        try:
            yield
        finally:
            self._waiting[recipient] -= 1

    def close(self) -> None:
        """End long polls with what there is."""
        self._closing = True
        self._arrivals.ring()
