"""Senders that never give up on a message: same id, same bytes, a fresh nonce, until the gateway answers for good.

`python -m tests.chaos.sender CONFIG.json` sends a round in a process of its own until its count is reached and SIGTERM
has come; then it ends what it began. Several parties' keys sign here, each for its own messages.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

from gateway.catalogue import example
from gateway.core.errors import Problem
from gateway.core.wire.response import parse_response_headers
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.signer import verify_response
from tests.chaos.client import Line, Reply
from tests.chaos.ledger import Entry, Ledger, now_us

PLATFORM = "platform"
PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.2
GOOD = (HTTPStatus.OK, HTTPStatus.ACCEPTED)
PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE})

# One order's messages; None is its institution. Each is sent when the one before it has its 202.
STEPS = (
    (PLATFORM, "guarantee.application.v1"),
    (PLATFORM, "authenticity.query.v1"),
    (None, "authenticity.result.v1"),
    (PLATFORM, "authenticity.query.v1"),
    (None, "authenticity.result.v1"),
)
RIVALS = "guarantee.cancellation.v1"
RIVALS_EVERY = 5
QUERY, SILENT = "authenticity.query.v1", "-silent"
"""What nobody answers, and how its ids end: its clock runs out."""

REPEAT_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message to send; of `rivals` that exclude each other only one can be accepted."""

    sender: str
    recipient: str
    type: str
    subject: str
    id: str
    body: bytes
    rivals: str | None = None

    @property
    def named(self) -> Entry:
        """What ledgers say of it."""
        return {
            "source": self.sender,
            "id": self.id,
            "type": self.type,
            "subject": self.subject,
            "recipient": self.recipient,
            "digest": sm3_hex(self.body),
            "rivals": self.rivals,
        }


class Templates:
    """Whole valid events of each type, made once and filled in by text."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str, str], str] = {}

    def write(
        self, type_: str, sender: str, recipient: str, *, subject: str, number: str, rivals: str | None
    ) -> Letter:
        """A letter for this order."""
        place = (type_, sender, recipient)
        if place not in self._texts:
            event = example(type_, source=sender, recipient=recipient, subject="@SUBJECT@", id="@ID@", now_us=now_us())
            if "caseNo" in event["data"]:
                event["data"]["caseNo"] = "AJ-@SUBJECT@"  # a case a project, as in life; one for all grows without end
            self._texts[place] = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        body = self._texts[place].replace("@SUBJECT@", subject).replace("@ID@", number).encode()
        return Letter(
            sender=sender, recipient=recipient, type=type_, subject=subject, id=number, body=body, rivals=rivals
        )


def plan(
    prefix: str, institutions: list[str], templates: Templates, *, silent_every: int = 0
) -> Iterator[list[list[Letter]]]:
    """Orders without end; each is a list of steps, each step the letters that are sent together.

    Every so many-th ends with a query that nobody answers; with 0 none does.
    """
    for number in count():
        bank, subject = institutions[number % len(institutions)], f"{prefix}-{number}"
        steps = [
            [templates.write(type_, who or bank, PLATFORM if who is None else bank, subject=subject,
                             number=f"{subject}-{place}", rivals=None)]
            for place, (who, type_) in enumerate(STEPS)
        ]  # fmt: skip
        if number % RIVALS_EVERY == 0:
            pair = [
                templates.write(RIVALS, PLATFORM, bank, subject=subject, number=f"{subject}-r{n}", rivals=subject)
                for n in range(2)
            ]
            steps.append(pair)
        elif silent_every and number % silent_every == 1:
            steps.append(
                [templates.write(QUERY, PLATFORM, bank, subject=subject, number=f"{subject}{SILENT}", rivals=None)]
            )
        yield steps


@dataclass
class Senders:
    """Everybody who sends: `least` letters, and on until `over`."""

    apis: list[int]
    keys: dict[str, PrivateKey]
    gateway: PublicKey
    ledger: Ledger
    orders: Iterator[list[list[Letter]]]
    least: int
    rate: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _begun: int = 0
    _started: float = field(default_factory=time.monotonic)

    async def run(self, lanes: int) -> None:
        """Send until it is enough and over; return when everything begun has ended."""
        await asyncio.gather(*(self._lane() for _ in range(lanes)))

    async def _lane(self) -> None:
        lines = [Line(self.apis), Line(self.apis)]
        while self._more():
            for step in next(self.orders):
                if not self._more():
                    break
                self._begun += len(step)
                await self._pace()
                await asyncio.gather(*(self._send(line, letter) for line, letter in zip(lines, step, strict=False)))
        for line in lines:
            line.close()

    def _more(self) -> bool:
        return self._begun < self.least or not self.over.is_set()

    async def _pace(self) -> None:
        ahead = self._begun / self.rate - (time.monotonic() - self._started)
        if ahead > 0:
            await asyncio.sleep(ahead)

    async def _send(self, line: Line, letter: Letter) -> None:
        """Until there is an answer that proves something, or patience ends after the round is over."""
        began, end = now_us(), 0.0
        while True:
            reply = await self._ask(line, letter)
            if reply is not None and reply.status not in PASSING:
                break
            if self.over.is_set():
                end = end or time.monotonic() + PATIENCE_SECONDS
            if end and time.monotonic() > end:
                await self.ledger.write({"kind": "unanswered", **letter.named})
                return
            await asyncio.sleep(PAUSE_SECONDS)
        await self._note(letter, reply, began)
        if reply.status in GOOD and random.random() < REPEAT_SHARE:
            await self._repeat(line, letter)

    async def _note(self, letter: Letter, reply: Reply, began: int) -> None:
        text = reply.body.decode(errors="replace")
        if reply.status in GOOD:
            entry = {"kind": "accepted", "began": began, "status": reply.status, "receipt": text}
        else:
            entry = {"kind": "refused", "status": reply.status, "answer": text}
        await self.ledger.write({**entry, **letter.named})

    async def _repeat(self, line: Line, letter: Letter) -> None:
        """As one does whose 202 got lost: the same bytes again."""
        reply = await self._ask(line, letter)
        if reply is not None and reply.status in GOOD:
            await self.ledger.write({"kind": "repeated", "receipt": reply.body.decode(), **letter.named})

    async def _ask(self, line: Line, letter: Letter) -> Reply | None:
        """One try; None where no answer came or the answer proves nothing (protocol section 4)."""
        reply = await line.ask(self.keys[letter.sender], letter.sender, "POST", "/v1/messages", letter.body)
        if reply is None or reply.status in PASSING:
            return reply
        return reply if self._proves(reply) else None

    def _proves(self, reply: Reply) -> bool:
        try:
            signature = parse_response_headers(reply.headers)
            verify_response(self.gateway, signature, body=reply.body)
        except Problem:
            return False
        return signature.nonce == reply.nonce


def make_senders(given: dict[str, Any]) -> Senders:
    """The senders that a configuration describes."""
    keys = {name: PrivateKey.from_pem(Path(file).read_bytes()) for name, file in given["private"].items()}
    return Senders(
        apis=given["apis"],
        keys=keys,
        gateway=PublicKey.from_pem(Path(given["gateway"]).read_text()),
        ledger=Ledger(Path(given["ledger"])),
        orders=plan(given["prefix"], given["institutions"], Templates(), silent_every=given["silent_every"]),
        least=given["count"],
        rate=given["rate"],
    )


async def main(senders: Senders, lanes: int) -> None:
    """Run one round."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, senders.over.set)
    await senders.run(lanes)


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(main(make_senders(told), told["lanes"]))
