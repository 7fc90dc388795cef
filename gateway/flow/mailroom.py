"""The pull side: what stands in a recipient's mailbox, with a long poll.

Source: protocol section 5 (`GET /v1/mailbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.core.delivery import SECOND
from gateway.flow.pulse import Bell
from gateway.ports import Clock, Mailbox, Waiting

LOOK_AGAIN_SECONDS: Final = 0.5
"""How often a long poll looks by itself: messages may have been accepted by another process."""


class Mailroom:
    """Lists mailboxes. `max_bytes` cuts an answer, but never below one message."""

    def __init__(self, mailbox: Mailbox, arrivals: Bell, clock: Clock, *, max_bytes: int) -> None:
        self._mailbox = mailbox
        self._arrivals = arrivals
        self._clock = clock
        self._max_bytes = max_bytes
        self._closing = False

    async def collect(self, recipient: str, *, limit: int, after: int | None, wait: float) -> Sequence[Waiting]:
        """At most `limit` messages; when there are none, look again until `wait` seconds are over."""
        until = self._clock.now() + int(wait * SECOND)
        while True:
            seen = self._arrivals.rings
            found = await self._mailbox.waiting(recipient, limit=limit, after=after)
            left = (until - self._clock.now()) / SECOND
            if found or left <= 0 or self._closing:
                return cut(found, self._max_bytes)
            await self._arrivals.wait(seen, min(left, LOOK_AGAIN_SECONDS))

    def close(self) -> None:
        """End long polls with what there is."""
        self._closing = True
        self._arrivals.ring()


def cut(found: Sequence[Waiting], max_bytes: int) -> Sequence[Waiting]:
    """The first messages whose bodies together stay within `max_bytes`, at least one."""
    total = 0
    for count, waiting in enumerate(found):
        total += len(waiting.message.body)
        if total > max_bytes and count:
            return found[:count]
    return found
