"""Lines to servers: one that can swallow the answers, and one that turns to the next of several servers each time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import cycle

from tests.harness.proxy import Proxy


class DeafProxy(Proxy):
    """A proxy that can go on carrying what clients send while nothing of the answers comes back."""

    _deaf = False

    def deafen(self) -> None:
        """Swallow every answer from now on, a COMMIT's too."""
        self._deaf = True

    def restore(self) -> None:
        """Close what lost its answers and carry bytes again."""
        if self._deaf:
            self._deaf = False
            self.drop()
        super().restore()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counter: str) -> None:
        if counter == "bytes_in":
            await super()._pump(source, sink, counter)
            return
        while data := await source.read(64 * 1024):
            await self._flowing.wait()
            if not self._deaf:
                sink.write(data)
                self.bytes_out += len(data)
                await sink.drain()
        with suppress(OSError):
            sink.write_eof()


class TurningProxy(DeafProxy):
    """A proxy to several servers: each new connection goes to the next one, as a plain load balancer does."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = cycle(ports)
        super().__init__(ports[0])

    @property
    def target(self) -> tuple[str, int]:  # type: ignore[override]
        """Where the next connection goes."""
        return "127.0.0.1", next(self._ports)

    @target.setter
    def target(self, _: tuple[str, int]) -> None:
        """The base class names one server; we have our own."""
