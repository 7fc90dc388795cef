"""The one writer of a SQLite file: calls that wait together commit together (architecture point 7)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine

from gateway.ports import StoreUnavailable
from gateway.store.failures import wrapped

T = TypeVar("T")

GROUP: Final = 256
"""Calls in one transaction at most."""


@dataclass(slots=True)
class _Call:
    """One call; `error` is what its savepoint was rolled back for."""

    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Work in a savepoint: a call that fails leaves its neighbours alone."""
        try:
            with wrapped(), connection.begin_nested():
                self.result = self.work(connection)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever called
            self.error = error

    def finish(self, broken: StoreUnavailable | None) -> None:
        """Tell the caller, now that the group is committed, or is not (`broken`)."""
        error = broken or self.error
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.result)


class GroupWriter:
    """A thread that runs calls in groups, one BEGIN IMMEDIATE … COMMIT a group."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue a call; its future is done after the COMMIT. StoreUnavailable after `close`."""
        call = _Call(work)
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._queue.put(call)
        return call.future

    def close(self) -> None:
        """Run what is queued, then end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        more = True
        while more:
            calls, more = self._take()
            live = [call for call in calls if call.future.set_running_or_notify_cancel()]
            if live:
                self._commit(live)

    def _take(self) -> tuple[list[_Call], bool]:
        """All that waits, at least one call, and whether to go on."""
        calls: list[_Call] = []
        try:
            call = self._queue.get()
            while call is not None:
                calls.append(call)
                if len(calls) == GROUP:
                    return calls, True
                call = self._queue.get_nowait()
        except Empty:
            return calls, True
        return calls, False

    def _commit(self, calls: list[_Call]) -> None:
        broken: StoreUnavailable | None = None
        try:
            with wrapped(), self._engine.begin() as connection:
                for call in calls:
                    call.run(connection)
                    _check_open(connection)
        except Exception as error:  # noqa: BLE001 - whatever broke the group, nobody in it was committed for certain
            broken = StoreUnavailable(str(error))
            broken.__cause__ = error
        for call in calls:
            call.finish(broken)


def _check_open(connection: Connection) -> None:
    """Raise StoreUnavailable where SQLite undid the whole transaction by itself, as it does for a full disk.

    The driver's COMMIT would say nothing, and the calls before would be confirmed though they are lost.
    """
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        raise StoreUnavailable("the transaction was rolled back")
