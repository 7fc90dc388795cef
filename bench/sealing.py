"""(i) Accept at full load while the chain is sealed, against accept alone, in turns on one running deployment.

The load never pauses. Whether the chain is sealed is decided by who holds its lease: the timers process, or this
benchmark, which seals nothing. What waits from before is sealed before a part begins that is measured, so that a part
bears the cost of what it accepts and no more. A message brings three leaves: itself and two clocks that it starts.
Besides the rates, which other work on the machine disturbs, the kernel's accounts of CPU are read.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from bench.accept import BANKS, CONNECTIONS, ENDPOINT
from bench.home import Home, make_home
from bench.load import Result, make_bodies, run_load
from bench.usage import used_by, used_by_server, used_for
from tests.harness.postgres import create_database
from tests.harness.services import AMQP_URL, DATABASE_URL

SECONDS: Final = 10.0
"""How long each part of a turn lasts at least; one beside sealing ends with a round of the sweep."""
SETTLE: Final = 2.0
PATIENCE: Final = 60.0
"""Seconds within which the sweep must come to its end under load, or the chain does not keep up."""
CHUNK: Final = 200
NEAR: Final = 900
"""Leaves that wait when a round of the sweep has just ended: those of its last transaction's time."""
FAR: Final = 1 << 62
STEP: Final = 0.1
TIMERS: Final = 2
"""Their place among the processes."""

_REST: Final = {"WGG_SWEEPS__INTERVAL_SECONDS": "60"}
"""Nobody works the queues here: the other sweeps would find ever more that is published and not claimed."""

_HOLD: Final = """INSERT INTO leases (role, holder, beat_at) VALUES ('evidence', 'bench', %s)
    ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, beat_at = excluded.beat_at"""
_FREE: Final = "DELETE FROM leases WHERE role = 'evidence'"
_BEHIND: Final = """SELECT coalesce((SELECT max(id) FROM deliveries), 0) + coalesce((SELECT max(id) FROM clocks), 0)
    - coalesce((SELECT max(number) FROM evidence_leaves WHERE kind = 'message'), 0)
    - coalesce((SELECT max(number) FROM evidence_leaves WHERE kind = 'clock'), 0)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Messages a second; microseconds of CPU a message of the timers with their backends, and of everything.

    At most `peak` leaves waited to be sealed, `left` at the end. Everything is the sender, the gateway, PostgreSQL.
    """

    rate: float
    timers_us: float
    whole_us: float
    peak: int
    left: int


@dataclass(slots=True, kw_only=True)
class Sealing:
    """The parts of each turn, alone and beside sealing; `drained` are the seconds until all was sealed at the end."""

    alone: list[Part] = field(default_factory=list)
    beside: list[Part] = field(default_factory=list)
    drained: float = 0.0


def measure(*, turns: int) -> Sealing:
    """Serve, load, and take turns."""
    database = create_database(os.environ[DATABASE_URL])
    prefix = f"bench{os.getpid()}x{time.time_ns() % 10**9}"
    env = {"WGG_DATABASE": database, "WGG_BUS": os.environ[AMQP_URL], "WGG_BUS_OPTIONS__PREFIX": prefix, **_REST}
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home", env, BANKS, endpoint=ENDPOINT)
        try:
            port = home.serve("api")
            for role in ("relay", "timers"):
                home.serve(role)
            with psycopg.connect(database, autocommit=True) as connection:
                return asyncio.run(_Load(home, port, connection).run(turns))
        finally:
            home.close()


class _Load:
    """A load that runs until it is told to stop, and the parts that are measured of it."""

    def __init__(self, home: Home, port: int, connection: psycopg.Connection) -> None:
        self._home = home
        self._port = port
        self._connection = connection
        self._result = Result()
        self._going = True
        self._found = Sealing()

    async def run(self, turns: int) -> Sealing:
        """Take turns, now the one first and now the other."""
        load = asyncio.create_task(self._send())
        parts = (self._leave, self._seal)
        for turn in range(turns):
            for part in parts if turn % 2 else reversed(parts):
                await part()
        self._going = False
        await load
        started = time.perf_counter()
        await self._free(near=0)
        self._found.drained = time.perf_counter() - started
        assert set(self._result.statuses) == {202}, self._result.statuses
        return self._found

    async def _send(self) -> None:
        sender = self._home.sender()
        await run_load(sender, self._bodies(), port=self._port, connections=CONNECTIONS, result=self._result)

    def _bodies(self) -> Iterator[bytes]:
        for number in itertools.count():
            for body in make_bodies(count=CHUNK, recipients=BANKS, prefix=f"B{number}"):
                if not self._going:
                    return
                yield body

    async def _leave(self) -> None:
        self._connection.execute(_HOLD, [FAR])
        await asyncio.sleep(SETTLE)
        self._found.alone.append(await self._watch(near=FAR))

    async def _seal(self) -> None:
        await self._free(near=NEAR)
        self._found.beside.append(await self._watch(near=NEAR))

    async def _free(self, *, near: int) -> None:
        """Let the timers seal until no more than so many leaves wait."""
        self._connection.execute(_FREE)
        until = time.perf_counter() + PATIENCE
        while self._behind() > near:
            assert time.perf_counter() < until, "the chain does not keep up"
            await asyncio.sleep(STEP)

    async def _watch(self, *, near: int) -> Part:
        """One part, which ends when no more than `near` leaves wait."""
        started, sent, (timers, whole), peak = time.perf_counter(), self._sent(), self._used(), 0
        while (elapsed := time.perf_counter() - started) < SECONDS or self._behind() > near:
            assert elapsed < SECONDS + PATIENCE, "the chain does not keep up"
            peak = max(peak, self._behind())
            await asyncio.sleep(STEP)
        elapsed, count, used = time.perf_counter() - started, self._sent() - sent, self._used()
        timers_us, whole_us = (
            (after - before) / count * 1e6 for after, before in zip(used, (timers, whole), strict=True)
        )
        return Part(rate=count / elapsed, timers_us=timers_us, whole_us=whole_us, peak=peak, left=self._behind())

    def _sent(self) -> int:
        return self._result.statuses.get(202, 0)

    def _behind(self) -> int:
        row = self._connection.execute(_BEHIND).fetchone()
        assert row is not None
        return int(row[0])

    def _used(self) -> tuple[float, float]:
        """Seconds of CPU that were used so far: of the timers with their backends, and of everything."""
        pids = [process.pid for process in self._home.processes]
        whole = used_by_server(self._connection) + sum(used_by(pid) for pid in (os.getpid(), *pids))
        return used_for(pids[TIMERS], self._connection), whole
