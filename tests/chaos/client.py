"""A plain HTTP client over kept-alive connections that signs each request anew; None is an answer that never came."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.wire.authorization import format_authorization
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import new_nonce, sign_request
from tests.chaos.ledger import now_us

ANSWER_SECONDS = 25.0
REQUESTS = 20
_END = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer as it came, and the nonce that it should echo; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    nonce: str


class Line:
    """One connection at a time to one of the ports; a new one after each trouble, and after so many requests."""

    def __init__(self, ports: list[int], now: Callable[[], int] = now_us) -> None:
        self._ports = ports
        self._now = now
        self._asked = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, key: PrivateKey, sender: str, method: str, target: str, body: bytes) -> Reply | None:
        """Sign, send and read; None when no whole answer came."""
        nonce, now = new_nonce(), self._now() // 1_000_000
        proof = sign_request(key, sender_id=sender, method=method, target=target, timestamp=now, nonce=nonce, body=body)
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/cloudevents+json\r\n"
            f"Content-Length: {len(body)}\r\nAuthorization: {format_authorization(proof)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._exchange(head.encode() + body, nonce)
        except (OSError, TimeoutError, EOFError, ValueError):
            self.close()
            return None

    async def _exchange(self, data: bytes, nonce: str) -> Reply:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", random.choice(self._ports))
        assert self._reader is not None
        self._writer.write(data)
        lines = (await self._reader.readuntil(_END)).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        self._asked += 1
        if headers.get("connection", "").lower() == "close" or self._asked % REQUESTS == 0:
            self.close()
        return Reply(status=int(lines[0].split(" ")[1]), headers=headers, body=body, nonce=nonce)

    def close(self) -> None:
        """Let go of the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
