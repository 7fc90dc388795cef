"""A TCP proxy in front of any server, in a thread of its own, that can be cut, stalled, reset and slowed."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_CHUNK = 64 * 1024
_LINGER_ZERO = struct.pack("ii", 1, 0)  # closing then sends a RST instead of a FIN


class Proxy:
    """Listens on `port` of loopback and carries bytes to `target`. The methods may be called from any thread.

    `bytes_in` counts what clients sent and was handed on, `bytes_out` what the server answered.
    """

    def __init__(self, target_port: int, target_host: str = "127.0.0.1") -> None:
        self.target = (target_host, target_port)
        self.port = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.connections = 0
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._flowing: asyncio.Event
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        self._do(self._cut(lambda writer: writer.transport.abort()))

    def reset(self) -> None:
        """End all connections with a RST; new ones are taken."""
        self._call(lambda: self._each(_reset))

    def drop(self) -> None:
        """Close all connections; new ones are taken."""
        self._call(lambda: self._each(lambda writer: writer.transport.abort()))

    def stall(self) -> None:
        """Accept connections and bytes, and hand on nothing."""
        self._call(self._flowing_clear)

    def slow(self, seconds: float) -> None:
        """Hand on each chunk this much later."""
        self._call(lambda: self._set_delay(seconds))

    def restore(self) -> None:
        """Carry bytes again as at the start; what was stalled is handed on."""
        self._do(self._restore())

    def _set_delay(self, seconds: float) -> None:
        self._delay = seconds

    def _flowing_clear(self) -> None:
        self._flowing.clear()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def _call(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self._do(run())

    def _each(self, end: Callable[[asyncio.StreamWriter], None]) -> None:
        for writer in list(self._open):
            end(writer)

    async def _listen(self) -> None:
        if not hasattr(self, "_flowing"):
            self._flowing = asyncio.Event()
            self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, limit=_CHUNK)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self, end: Callable[[asyncio.StreamWriter], None]) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._each(end)

    async def _restore(self) -> None:
        self._delay = 0.0
        self._flowing.set()
        await self._listen()

    async def _shut(self) -> None:
        await self._cut(lambda writer: writer.transport.abort())
        self._flowing.set()
        await asyncio.gather(*self._tasks)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with suppress(OSError):
            server, to_server = await asyncio.open_connection(*self.target, limit=_CHUNK)
            pair = {to_client, to_server}
            self._open |= pair
            try:
                await asyncio.gather(
                    self._pump(client, to_server, "bytes_in"), self._pump(server, to_client, "bytes_out")
                )
            finally:
                self._open -= pair
                to_server.transport.abort()
        to_client.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counter: str) -> None:
        while data := await source.read(_CHUNK):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flowing.wait()
            sink.write(data)
            setattr(self, counter, getattr(self, counter) + len(data))
            await sink.drain()
        with suppress(OSError):
            sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    writer.transport.abort()
