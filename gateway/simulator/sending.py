"""Sending events, those of one subject one after another, and taking up after a restart what was not sent yet.

Order means the order of the gateway's 202s (architecture point 2), so a subject's next event waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from gateway.core.errors import Problem
from gateway.core.wire.envelope import parse_envelope
from gateway.core.wire.strict_json import parse_object
from gateway.ports import Clock
from gateway.simulator.client import TRY_AGAIN, GatewayClient, Reply
from gateway.simulator.ledger import Entry, Ledger
from gateway.simulator.reception import Outgoing


class Sender:
    """Sends events that stand in the ledger already; each outcome is one `sent` entry.

    Of `files` (by SM3) those that an event names are put before it is sent, once in a run; each is a `file` entry.
    """

    def __init__(
        self, client: GatewayClient, ledger: Ledger, clock: Clock, files: Mapping[str, bytes], *, in_turn: bool = True
    ) -> None:
        """`in_turn` False sends a subject's events at once, which nobody should."""
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._files = dict(files)
        self._in_turn = in_turn
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, event: Outgoing) -> Reply:
        """Send one event until its fate is proven, and write it down with the verdict on the answer."""
        reply = await self._put_files(event) or await self._client.post_message(event.body)
        document = reply.document
        entry = {
            "kind": "sent",
            "id": event.id,
            "type": event.type,
            "subject": event.subject,
            "httpStatus": reply.status,
            "receiptNo": document.get("receiptNo"),
            "code": document.get("code"),
            "message": document.get("message") or reply.error or None,
            "verdict": reply.verdict,
            "receipt": reply.body.decode("utf-8", "replace"),
        }
        self._ledger.append([entry], now=self._clock.now())
        return reply

    async def _put_files(self, event: Outgoing) -> Reply | None:
        """The answer to a file that could not be put: the event stays behind for the same reason."""
        for digest, data in [(digest, data) for digest, data in self._files.items() if digest.encode() in event.body]:
            reply = await self._client.put_file(data)
            if reply.status != HTTPStatus.CREATED or not reply.proven:
                return reply
            if self._files.pop(digest, None) is not None:  # else another subject's event put it meanwhile
                entry = {"kind": "file", "digest": digest, "size": len(data), "names": event.id}
                self._ledger.append([entry], now=self._clock.now())
        return None

    def queue(self, events: Sequence[Outgoing]) -> None:
        """Send in the background, behind what the subject has waiting."""
        for subject in dict.fromkeys(event.subject for event in events):
            batch = [event for event in events if event.subject == subject]
            task = asyncio.create_task(self._run(self._tails.get(subject), batch))
            self._tails[subject] = task
            self._tasks.add(task)
            task.add_done_callback(partial(self._forget, subject))

    async def drain(self) -> None:
        """Return when nothing is waiting to be sent."""
        while self._tails:
            await asyncio.wait(self._tails.values())

    async def stop(self) -> None:
        """Stop sending; what was not sent stands in the ledger and is taken up by the next run."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, before: asyncio.Task[None] | None, events: Sequence[Outgoing]) -> None:
        if before is not None:
            await asyncio.wait([before])
        if not self._in_turn:
            await asyncio.gather(*map(self._insist, events))
            return
        for event in events:
            await self._insist(event)

    async def _insist(self, event: Outgoing) -> None:
        while _is_unheard(await self.send(event)):
            continue

    def _forget(self, subject: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._tails.get(subject) is task:
            del self._tails[subject]


def _is_unheard(reply: Reply) -> bool:
    """The gateway was away all the time: the subject's later events must not overtake this one."""
    return reply.status is None or (not reply.proven and reply.status in TRY_AGAIN)


def find_unsent(entries: Iterable[Entry]) -> list[Outgoing]:
    """The events that were written down and whose fate is not proven; in order."""
    waiting: dict[str, Outgoing] = {}
    for entry in entries:
        if entry["kind"] == "outgoing":
            waiting[entry["id"]] = read_outgoing(entry["body"].encode())
        elif entry["kind"] == "sent" and entry["verdict"] == "verified":
            waiting.pop(entry["id"], None)
    return list(waiting.values())


def read_outgoing(body: bytes) -> Outgoing:
    """An event from its bytes; what cannot be read as one is sent all the same, the gateway is the judge of it."""
    try:
        envelope = parse_envelope(parse_object(body))
    except Problem:
        return Outgoing(id="", type="", recipient="", subject="", body=body)
    return Outgoing(
        id=envelope.id,
        type=envelope.type,
        recipient=envelope.recipient,
        subject=envelope.subject,
        body=body,
    )
