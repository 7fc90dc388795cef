"""Runs the store's synchronous work off the event loop: one call is one transaction."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.engine import URL
from sqlalchemy.util import greenlet_spawn

from gateway.ports import StoreUnavailable
from gateway.retrying import retry_transient
from gateway.store.engine import STATEMENT_SECONDS, postgres_engine, postgres_loop_engine, sqlite_engine
from gateway.store.failures import Undone, wrapped
from gateway.store.writer import GroupWriter

T = TypeVar("T")
Work = Callable[[Connection], T]

BOUND: Final = 2000
"""Calls in hand at most, those that wait included: one more is told at once that the database cannot keep up."""

TRIES: Final = 3
DEADLINE: Final = STATEMENT_SECONDS + 5
READERS: Final = 2


class _Room:
    """Counts the calls in hand; used on the event loop alone."""

    def __init__(self, bound: int) -> None:
        self._free = self._bound = bound

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for one call. Raises StoreUnavailable when there is none."""
        if not self._free:
            raise StoreUnavailable(f"{self._bound} calls wait for the database")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Runner(Protocol):
    """Runs work in a transaction; raises StoreUnavailable for the database's troubles."""

    async def read(self, work: Work[T]) -> T:
        """Run work that changes nothing."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run work and commit it; returns only after the COMMIT."""
        ...

    async def write_hot(self, work: Work[T]) -> T:
        """`write` for short work that is done all the time."""
        ...

    @property
    def dialects(self) -> Sequence[Dialect]:
        """Those of its engines: what hangs on a dialect holds for each of its connections."""
        ...

    async def close(self) -> None:
        """Finish what was handed in and let go of the connections."""
        ...


@dataclass(slots=True)
class _Call:
    """One call to a server; `driver` is the driver's connection while it uses one, its COMMIT included."""

    driver: Any = None


class PostgresRunner:
    """A thread a connection. A call that outlives its deadline has its connection cut, so that nothing stays behind.

    Hot work runs on the event loop, as a greenlet that waits for the server as a coroutine does: a thread has to get
    the interpreter's lock back after each turn at the server, and in a busy process waits longer for it than for the
    server (docs/performance.md).
    """

    def __init__(self, url: URL, *, size: int, deadline: float = DEADLINE, bound: int = BOUND) -> None:
        self._room = _Room(bound)
        self._engine = postgres_engine(url, size=size)
        self._loop_engine = postgres_loop_engine(url, size=size)
        self._hot: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="store")
        self._deadline = deadline

    async def read(self, work: Work[T]) -> T:
        """Run work that changes nothing."""
        return await self.write(work)

    async def write(self, work: Work[T]) -> T:
        """Run work and commit it; deadlocks and serialisation failures run again, each within the deadline."""
        return await self._repeat(partial(self._in_thread, work))

    async def write_hot(self, work: Work[T]) -> T:
        """Run short work and commit it, as `write` does."""
        return await self._repeat(partial(self._on_loop, work))

    async def _repeat(self, run: Callable[[], Awaitable[T]]) -> T:
        with self._room.place():
            return await retry_transient(run, on=Undone, tries=TRIES)

    async def _in_thread(self, work: Work[T]) -> T:
        call = _Call()
        running = asyncio.get_running_loop().run_in_executor(self._threads, self._transact, self._engine, work, call)
        try:
            return await asyncio.wait_for(running, self._deadline)
        except TimeoutError as error:
            raise self._give_up(call) from error

    async def _on_loop(self, work: Work[T]) -> T:
        """A transaction under way is not ended by its caller's going."""
        call = _Call()
        running = greenlet_spawn(self._transact, self._loop_engine, work, call)
        task: asyncio.Task[T] = asyncio.create_task(running)
        self._hot.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait([task], timeout=self._deadline)
        if not task.done():
            raise self._give_up(call)
        return task.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        """What became of a transaction is its caller's to hear, who may have gone."""
        self._hot.discard(task)
        if not task.cancelled():
            task.exception()

    def _give_up(self, call: _Call) -> StoreUnavailable:
        _cut(call)
        return StoreUnavailable(f"the database did not answer within {self._deadline} s")

    @property
    def dialects(self) -> Sequence[Dialect]:
        """The server's."""
        return [self._engine.dialect, self._loop_engine.dialect]

    async def close(self) -> None:
        """Wait for the calls under way."""
        await asyncio.gather(*self._hot, return_exceptions=True)
        await greenlet_spawn(self._loop_engine.dispose)
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _transact(self, engine: Engine, work: Work[T], call: _Call) -> T:
        try:
            with wrapped(), engine.begin() as connection:
                call.driver = connection.connection.driver_connection
                return work(connection)
        finally:
            call.driver = None


def _cut(call: _Call) -> None:
    """Shut the socket under a call, so that its wait ends with an error."""
    if call.driver is None:
        return
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(call.driver.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


class SqliteRunner:
    """One group-committing writer and a few readers on one file."""

    def __init__(self, url: URL, *, bound: int = BOUND) -> None:
        self._room = _Room(bound)
        self._readers = sqlite_engine(url, writer=False, size=READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store")
        engine = sqlite_engine(url, writer=True)
        self.dialects: Sequence[Dialect] = [self._readers.dialect, engine.dialect]
        self._writer = GroupWriter(engine)

    async def read(self, work: Work[T]) -> T:
        """Run work on a snapshot of what is committed."""
        with self._room.place():
            return await asyncio.get_running_loop().run_in_executor(self._threads, _read, self._readers, work)

    async def write(self, work: Work[T]) -> T:
        """Run work in the writer's next group."""
        with self._room.place():
            return await asyncio.wrap_future(self._writer.submit(work))

    async def write_hot(self, work: Work[T]) -> T:
        """Run work in the writer's next group; SQLite has no turns to wait for."""
        return await self.write(work)

    async def close(self) -> None:
        """Flush the writer."""
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.dispose()


def _read(engine: Engine, work: Work[T]) -> T:
    with wrapped(), engine.begin() as connection:
        return work(connection)
