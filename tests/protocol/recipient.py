"""A recipient's server that plays a script: raw bytes in, raw bytes out, its receipts made from the protocol's text."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from tests.protocol.caller import parameters, sign

PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Push:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def authorization(self) -> dict[str, str]:
        return parameters(self.headers["authorization"])


Play = Callable[[Push], Awaitable[bytes] | bytes]


@dataclass(slots=True)
class Recipient:
    """Answers pushes in turn by its `script`, and with a good ACCEPTED when that is used up."""

    id: str
    keys: Mapping[str, PrivateKey]
    script: deque[Play] = field(default_factory=deque)
    pushes: list[Push] = field(default_factory=list)
    port: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Recipient]:
        """Listen on a free port of the loopback."""
        tasks: set[asyncio.Task[None]] = set()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._take(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def url(self, path: str = "/inbox") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def has(self, count: int) -> None:
        """Return when so many pushes have come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.pushes) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
            headers = dict(pairs)
            assert len(headers) == len(pairs), f"a header stands twice: {pairs}"
            push = Push(head[0], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
            self.pushes.append(push)
            self._arrived.set()
            play = self.script.popleft() if self.script else self.accept()
            answer = play(push)
            writer.write(answer if isinstance(answer, bytes) else await answer)
            await writer.drain()
        finally:
            writer.close()

    def accept(self, **how: Any) -> Play:
        """A good ACCEPTED, unless `how` spoils it."""
        return lambda push: self.receipt(push, **how)

    def refuse(self, code: str, text: str, **how: Any) -> Play:
        """A good REFUSED."""
        return lambda push: self.receipt(push, status="REFUSED", more={"code": code, "message": text}, **how)

    def receipt(
        self,
        push: Push,
        *,
        status: str = "ACCEPTED",
        http: int = 200,
        more: Mapping[str, Any] | None = None,
        key: PrivateKey | None = None,
        nonce: str | None = None,
        late: int = 0,
        without: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The whole answer. `late` moves its timestamp, `without` leaves a signature header out."""
        doc = {"id": push.event["id"], "digest": sm3_hex(push.body), "status": status, **(more or {})}
        body = json.dumps(doc, ensure_ascii=False).encode()
        signer = key or self.keys[self.id]
        instant = str(int(push.authorization["timestamp"]) + late)
        word = nonce or push.authorization["nonce_str"]
        signed = {
            "Gzbzj-Serial": signer.serial_no,
            "Gzbzj-Timestamp": instant,
            "Gzbzj-Nonce": word,
            "Gzbzj-Signature": sign(signer, instant, word, body),
        }
        return plain(
            http, body, {name: value for name, value in signed.items() if name != without} | (dict(headers or {}))
        )


def plain(http: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """An answer without any signature."""
    lines = {**(headers or {}), "Content-Length": str(len(body)), "Connection": "close"}
    return (
        f"HTTP/1.1 {http} Said\r\n".encode()
        + b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items())
        + b"\r\n"
        + body
    )


def say(http: int, body: bytes = b"", **headers: str) -> Play:
    """Answer so, without a receipt."""
    return lambda _: plain(http, body, {name.replace("_", "-"): value for name, value in headers.items()})


def hang_up(_: Push) -> bytes:
    """Close without an answer."""
    return b""
