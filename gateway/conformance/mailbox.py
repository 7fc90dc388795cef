"""The kit's mailbox: messages that stand until their receipt, listings that may be faulty on purpose.

Source: protocol section 5. After a faulty listing the next one is sound, so that one fault is told from the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.conformance.letters import Letter

MOST: Final = 100
LONGEST_WAIT: Final = 30


@dataclass(slots=True, kw_only=True)
class Standing:
    """One message in the mailbox. `faults` are those of the listings in which it first stands, each served alone,
    `answers` those of the answers to its first receipts; a `hidden` one waits to be listed together with the next.

    `receipted` is set once a receipt got an honest answer, `receipt` is its bytes.
    """

    delivery: str
    case: str
    step: str
    letter: Letter
    faults: list[str]
    answers: list[str]
    hidden: bool = False
    receipt: bytes = b""
    receipted: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self) -> dict[str, Any]:
        """The entry of a listing."""
        body = self.letter.body.decode()
        return {"deliveryId": self.delivery, "attempt": 1, "origin": self.letter.origin, "body": body}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one poll is answered: the entries, and the fault of the answer."""

    entries: Sequence[Standing]
    fault: str | None = None


class Mailbox:
    """Everything that waits for one institution, in order."""

    def __init__(self) -> None:
        self.standing: dict[str, Standing] = {}
        self.polled = asyncio.Event()
        self._news = asyncio.Event()
        self._was_faulty = False

    def put(self, standing: Standing) -> None:
        """Let a message stand, and wake who waits; the hidden ones of its case come to light with it."""
        self.standing[standing.delivery] = standing
        if standing.hidden:
            return
        for entry in self.standing.values():
            entry.hidden = entry.hidden and entry.case != standing.case
        self._news.set()
        self._news = asyncio.Event()

    def withdraw(self, delivery: str) -> None:
        """Let a message stand no longer; the receipt may still be recorded."""
        standing = self.standing.get(delivery)
        if standing is not None:
            standing.receipted.set()

    async def list_waiting(self, *, limit: int, wait: float, after: str | None) -> Listing:
        """What a poll gets, after up to `wait` seconds when there is nothing."""
        self.polled.set()
        deadline = asyncio.get_running_loop().time() + wait
        while (listing := self._choose(limit, after)) is None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                return Listing(entries=())
        return listing

    def _choose(self, limit: int, after: str | None) -> Listing | None:
        waiting = [entry for entry in self.standing.values() if not (entry.hidden or entry.receipted.is_set())]
        faulty = next((entry for entry in waiting if entry.faults), None)
        if faulty is not None and not self._was_faulty:
            self._was_faulty = True
            return Listing(entries=[faulty], fault=faulty.faults.pop(0))
        sound = [entry for entry in waiting if not entry.faults]
        if after is not None and after in self.standing:
            order = list(self.standing)
            sound = [entry for entry in sound if order.index(entry.delivery) > order.index(after)]
        was_faulty, self._was_faulty = self._was_faulty, False
        return Listing(entries=sound[:limit]) if sound or was_faulty else None
