"""The pulling side of a counterpart: polls the mailbox, takes each message and posts its receipt.

Source: protocol section 5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.ports import Clock
from gateway.retrying import Backoff
from gateway.simulator.client import GatewayClient, Reply
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.reception import Parcel, Taken

_OK: Final = 200

Take = Callable[[Parcel], Awaitable[Taken]]


class MailboxReader:
    """Pulls for ever; an answer that does not verify is no mailbox, and is asked for again."""

    def __init__(
        self, client: GatewayClient, clock: Clock, take: Take, *, wait: int = 20, habits: Habits = HONEST
    ) -> None:
        self._habits = habits
        self._client = client
        self._clock = clock
        self._take = take
        self._wait = wait
        self._backoff = Backoff(first=0.1, longest=5.0)

    async def run(self) -> None:
        """Until cancelled. A receipt that was not recorded is posted again when the message is listed again."""
        failures = 0
        while True:
            failures = 0 if await self.poll() else failures + 1
            if failures:
                await self._clock.sleep(self._backoff.delay(failures))

    async def poll(self) -> bool:
        """One poll; whether everything went well."""
        reply = await self._client.get_mailbox(wait=self._wait)
        if reply.status != _OK or not self._believes(reply):
            return False
        messages = self._habits.listed(reply.document.get("messages", []))
        return all([await self._settle(message) for message in messages])

    async def _settle(self, message: Mapping[str, Any]) -> bool:
        try:
            taken = await self._take(_parcel(message))
        except Problem:
            return False
        if not self._habits.does("pulled-receipt"):
            return False
        posted = await self._client.post_receipt(self._habits.delivery(str(message["deliveryId"])), taken.receipt)
        return posted.status == _OK and self._believes(posted)

    def _believes(self, reply: Reply) -> bool:
        return reply.proven or not self._habits.does("answer-signature")


def _parcel(message: Mapping[str, Any]) -> Parcel:
    return Parcel(
        body=message["body"].encode(),
        origin=message.get("origin"),
        via="pull",
        delivery=str(message["deliveryId"]),
        attempt=message["attempt"],
    )
