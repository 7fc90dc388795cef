"""The simulated platform: sends messages on command, takes what comes, and waits for what it is told to expect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.catalogue import example
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.core.wire.strict_json import parse_object
from gateway.ports import Clock
from gateway.simulator.client import Reply
from gateway.simulator.clock import SystemClock
from gateway.simulator.counterpart import Counterpart, Options, run
from gateway.simulator.ledger import Entry
from gateway.simulator.reception import Outgoing, describe_outgoing

Predicate = Callable[[Envelope], bool]
_PATIENCE_S: Final = 60.0


class PlatformSimulator(Counterpart):
    """The authority's platform; on the mailbox unless it is given a port."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._arrived: list[Envelope] = []
        self._news = asyncio.Event()
        super().__init__(options, clock)

    def remember(self, entries: Sequence[Entry]) -> None:
        """Messages of earlier runs count as arrived."""
        for entry in entries:
            if entry["kind"] == "received" and entry["origin"] == "verified" and not entry["duplicate"]:
                self._arrived.append(parse_envelope(parse_object(entry["body"].encode())))

    @property
    def arrived(self) -> Sequence[Envelope]:
        """Every message taken so far, each once, in order of arrival."""
        return tuple(self._arrived)

    def notice(self, message: Envelope) -> None:
        """Keep a message and wake whoever waits for it."""
        self._arrived.append(message)
        self._news.set()
        self._news = asyncio.Event()

    async def send(
        self,
        type_: str,
        recipient: str,
        subject: str,
        *,
        id: str | None = None,  # noqa: A002 - the attribute's own name
        kind: str = "bank",
        variant: str | None = None,
        data: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> tuple[Envelope, Reply]:
        """Send the example of this type, its data changed by `data`; the message and the gateway's answer to it."""
        event = example(
            type_,
            source=self.party_id,
            recipient=recipient,
            subject=subject,
            id=id,
            kind=kind,
            now_us=self.clock.now(),
            variant=variant,
        )
        event["data"] |= data or {}
        if correlation_id is not None:
            event["correlationid"] = correlation_id
        return await self.send_event(event)

    async def send_event(self, event: Mapping[str, Any]) -> tuple[Envelope, Reply]:
        """Send an event as it is given; it stands in the ledger before it leaves."""
        body = encode_compact(event)
        envelope = parse_envelope(parse_object(body))
        outgoing = Outgoing(
            id=envelope.id,
            type=envelope.type,
            recipient=envelope.recipient,
            subject=envelope.subject,
            body=body,
        )
        self.ledger.append([describe_outgoing(outgoing, answers=envelope.correlation_id)], now=self.clock.now())
        return envelope, await self.sender.send(outgoing)

    async def await_message(self, predicate: Predicate, *, within: float = _PATIENCE_S) -> Envelope:
        """The first message, arrived or to come, of which `predicate` holds; TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while True:
                found = next((message for message in self._arrived if predicate(message)), None)
                if found is not None:
                    return found
                await self._news.wait()


async def run_platform(
    options: Options,
    *,
    clock: Clock | None = None,
    ready: Callable[[int | None], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a platform that only receipts, until `stop` is set, cancelled, or (without `stop`) SIGTERM or SIGINT."""
    await run(PlatformSimulator(options, clock or SystemClock()), ready=ready, stop=stop)
