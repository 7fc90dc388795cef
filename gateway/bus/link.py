"""A connection to the broker that comes back: connects in the background, tells when it is up and when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.bus.channels import BrokerConnection, connect
from gateway.bus.settings import Log, RabbitSettings


class Link:
    """Keeps one connection alive: `prepare` is awaited on each new one before it counts as up, `lost` called after."""

    def __init__(
        self,
        name: str,
        settings: RabbitSettings,
        *,
        prepare: Callable[[BrokerConnection], Awaitable[None]],
        lost: Callable[[], None],
        log: Log,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._settings = settings
        self._prepare = prepare
        self._lost = lost
        self._log = log
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None
        self._connection: BrokerConnection | None = None
        self._up = False

    @property
    def up(self) -> bool:
        """Tell whether a prepared connection is open."""
        return self._up and self._connection is not None and self._connection.is_open

    @property
    def blocked(self) -> bool:
        """Tell whether the broker refuses to read from it, for an alarm of its own."""
        return self._connection is not None and self._connection.blocked

    @property
    def connection(self) -> BrokerConnection | None:
        """The open connection, or None; it may still be under preparation."""
        return self._connection if self._connection is not None and self._connection.is_open else None

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"bus-{self._name}")

    async def stop(self) -> None:
        """End the link and its connection."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def abort(self, reason: str) -> None:
        """Drop the connection, which did not keep its promises; a new one follows."""
        if self._connection is not None and self._connection.is_open:
            self._log("bus.connection_dropped", link=self._name, reason=reason)
            self._connection.abort(reason)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                served = await self._serve()
            except Exception as error:  # noqa: BLE001 - whatever a broker does, the link outlives it
                served = False
                self._log("bus.connect_failed", link=self._name, error=str(error))
            failures = 1 if served else failures + 1
            await self._sleep(self._settings.backoff.delay(failures))

    async def _serve(self) -> bool:
        """Connect and stay until the connection is lost; tell whether it was ever up. Raises BrokerError."""
        settings = self._settings
        self._connection = connection = await connect(
            settings.url,
            heartbeat=settings.heartbeat,
            connect_timeout=settings.connect_timeout,
            call_timeout=settings.call_timeout,
        )
        try:
            await self._prepare(connection)
            self._up = not connection.closed.done()
            self._log("bus.connected", link=self._name)
            self._log("bus.connection_lost", link=self._name, error=str(await asyncio.shield(connection.closed)))
            return True
        finally:
            self._up = False
            self._lost()
            await connection.close()
            self._connection = None
