"""Raw sockets for the tests of this room: what is written here is what stands on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gateway.net.messages import Handler, RawRequest, RawResponse
from gateway.net.server import Server, ServerLimits, start_server

PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer as it came off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        return json.loads(self.body)


class Wire:
    """A client that writes bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> Seen:
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Seen(status=int(head[0].split(" ")[1]), headers=headers, body=body)

    async def at_end(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read() == b""

    async def ask(self, data: bytes) -> Seen:
        await self.send(data)
        return await self.receive()


@asynccontextmanager
async def dial(server: Server) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def serving(handler: Handler, **limits: Any) -> AsyncIterator[Server]:
    server = await start_server(handler, host="127.0.0.1", port=0, limits=ServerLimits(**{"linger": 0.2, **limits}))
    try:
        yield server
    finally:
        await server.stop(5)


def echo(limit: int = 1024) -> Handler:
    """Answers with the body it read."""

    async def answer(request: RawRequest) -> RawResponse:
        return RawResponse(status=200, body=await request.read(limit))

    return answer


def show(pick: Callable[[RawRequest], Any]) -> Handler:
    """Answers with what `pick` saw of the request, as JSON."""

    async def answer(request: RawRequest) -> RawResponse:
        return RawResponse(status=200, body=json.dumps(pick(request)).encode())

    return answer


@asynccontextmanager
async def hostile(talk: Callable[[Wire], Awaitable[None]], **options: Any) -> AsyncIterator[int]:
    """A raw server that treats each connection as `talk` says, from its first byte; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(Wire(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            tasks.discard(task)
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
