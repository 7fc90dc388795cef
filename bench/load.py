"""The load: a sender that signs each message as it sends it and verifies each receipt as it comes, and nothing else.

A closed loop: each connection sends its next message when the answer to the last one is whole. The same sender drives
the gateway and the floor, so that its cost is in both, as a bank's or the platform's own would be beside them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from gateway.catalogue import example
from gateway.core.wire.authorization import format_authorization
from gateway.core.wire.response import parse_response_headers
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.signer import new_nonce, sign_request, verify_response

TARGET = "/v1/messages"


@dataclass(slots=True, kw_only=True)
class Result:
    """What a run saw: statuses by count, latencies in seconds."""

    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1] * 1000


def make_bodies(*, count: int, recipients: Sequence[str], prefix: str) -> list[bytes]:
    """`count` applications of the platform, each of an order and a case of its own, spread over the recipients."""
    now = time.time_ns() // 1000
    templates = [
        example("guarantee.application.v1", recipient=recipient, subject="@SUBJECT@", id="@ID@", now_us=now)
        for recipient in recipients
    ]
    for event in templates:
        event["data"]["caseNo"] = "AJ-@SUBJECT@"
    texts = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in templates]
    return [
        texts[n % len(texts)].replace("@SUBJECT@", f"{prefix}-{n}").replace("@ID@", f"{prefix}-{n}").encode()
        for n in range(count)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The platform's key, and the gateway's whose receipts it believes."""

    key: PrivateKey
    gateway: PublicKey

    def write(self, body: bytes, nonce: str) -> bytes:
        """A signed request."""
        now = int(time.time())
        authorization = sign_request(
            self.key, sender_id="platform", method="POST", target=TARGET, timestamp=now, nonce=nonce, body=body
        )
        head = (
            f"POST {TARGET} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/cloudevents+json\r\n"
            f"Content-Length: {len(body)}\r\nAuthorization: {format_authorization(authorization)}\r\n\r\n"
        )
        return head.encode() + body

    def verify(self, head: bytes, body: bytes, nonce: str) -> None:
        """Raise Problem unless the gateway signed this answer to this request."""
        lines = head.decode().split("\r\n")[1:]
        signature = parse_response_headers(dict(line.split(": ", 1) for line in lines if ": " in line))
        assert signature.nonce == nonce
        verify_response(self.gateway, signature, body=body)


class _Connection(asyncio.Protocol):
    """One connection of the closed loop."""

    def __init__(self, sender: Sender, bodies: Iterator[bytes], result: Result) -> None:
        self._sender = sender
        self._bodies = bodies
        self._result = result
        self._nonce = ""
        self._buffer = bytearray()
        self._sent = 0.0
        self._transport: asyncio.WriteTransport | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + _length(self._buffer[:end]):
            return
        status = int(self._buffer[9:12])
        self._result.statuses[status] = self._result.statuses.get(status, 0) + 1
        self._result.latencies.append(time.perf_counter() - self._sent)
        self._sender.verify(bytes(self._buffer[:end]), bytes(self._buffer[end + 4 :]), self._nonce)
        self._buffer.clear()
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the server closed"))

    def _next(self) -> None:
        assert self._transport is not None
        body = next(self._bodies, None)
        if body is None:
            if not self.over.done():
                self.over.set_result(None)
            self._transport.close()
            return
        self._nonce = new_nonce()
        request = self._sender.write(body, self._nonce)
        self._sent = time.perf_counter()
        self._transport.write(request)


def _length(head: bytearray) -> int:
    at = bytes(head).lower().find(b"content-length:")
    return int(bytes(head)[at + 15 :].split(b"\r\n", 1)[0])


async def run_load(
    sender: Sender, bodies: Iterable[bytes], *, port: int, connections: int, result: Result | None = None
) -> Result:
    """Send them all; the answers' statuses and latencies, to be read in `result` while it goes on."""
    result, source = result or Result(), iter(bodies)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(sender, source, result), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.over for _, protocol in made))
    return result
