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
    """Lists mailboxes."""

    def __init__(self, mailbox: Mailbox, arrivals: Bell, clock: Clock) -> None:
        self._mailbox = mailbox
        self._arrivals = arrivals
        self._clock = clock
        self._closing = False

    async def collect(self, recipient: str, *, limit: int, after: int | None, wait: float) -> Sequence[Waiting]:
        """At most `limit` messages; when there are none, look again until `wait` seconds are over."""
        until = self._clock.now() + int(wait * SECOND)
        while True:
            seen = self._arrivals.rings
            found = await self._mailbox.waiting(recipient, limit=limit, after=after)
            left = (until - self._clock.now()) / SECOND
            if found or left <= 0 or self._closing:
                return found
            await self._arrivals.wait(seen, min(left, LOOK_AGAIN_SECONDS))

    def close(self) -> None:
        """End long polls with what there is."""
        self._closing = True
        self._arrivals.ring()
