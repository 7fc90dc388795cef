"""(h) Accept beside purging, against accept alone, in turns on one database with a past that has served its term.

Purging runs as the timers run it, with the settings' rows a slice and pause between. Each part of a turn lasts as long
as the other, and its batches are averaged, for a slice falls on few of them. What HTTP and signatures cost is the same
for both, so that the ratio of the whole is nearer to one than this.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import text

from bench.volume import NOW, fill_database, play_round
from gateway.config.models import Retaining
from gateway.core.retention import RetentionTerms
from gateway.flow.retain import Retainer
from gateway.store import FileDirectory, SqlStore, open_store
from gateway.store.engine import parse_url, postgres_engine
from gateway.store.upgrade import upgrade
from tests.harness.postgres import create_database
from tests.harness.services import DATABASE_URL

TURNS: Final = 20
SECONDS: Final = 3.0
"""How long each part of a turn lasts."""

_PLAN: Final = Retaining()
_TERMS: Final = RetentionTerms(case_months=6, other_months=6, onboarding_months=6, alert_months=6, log_months=6)
_END: Final = "UPDATE subjects SET order_json = replace(order_json, 'in_force', 'released')"
_SEAL: Final = """INSERT INTO evidence_leaves (kind, number, height, place, hash, subject)
    SELECT 'message', id, 1, 0, repeat('0', 64), subject FROM deliveries"""
_NEW: Final = "W"
"""Orders of now stand behind the old ones, so that a run comes to these first."""
_PURGED: Final = "SELECT count(*) FROM messages WHERE length(body) = 0"


@dataclass(slots=True, kw_only=True)
class Purging:
    """Mean milliseconds of a batch in each turn, alone and beside purging; those of each slice; messages purged."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    slices: list[float] = field(default_factory=list)
    purged: int = 0


class StillClock:
    """A clock that stands at NOW; who sleeps on it sleeps in earnest."""

    def now(self) -> int:
        """Microseconds UTC."""
        return NOW

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""
        await asyncio.sleep(seconds)


def measure(*, messages: int) -> Purging:
    """Fill a database with so many messages that are due, and take turns."""
    url, found = create_database(os.environ[DATABASE_URL]), Purging()
    upgrade(url)
    fill_database(url, messages=messages, clocks=0)
    _query(url, _END)
    _query(url, _SEAL)
    _query(url, "ANALYZE")
    with TemporaryDirectory() as folder:
        asyncio.run(_take_turns(url, Path(folder), found))
    found.purged = _query(url, _PURGED)
    return found


def _query(url: str, sql: str) -> int:
    engine = postgres_engine(parse_url(url), size=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        result = connection.execute(text(sql))
        number = result.scalar_one() if result.returns_rows else result.rowcount
    engine.dispose()
    return int(number)


async def _take_turns(url: str, folder: Path, found: Purging) -> None:
    store = open_store(url)
    await store.open()
    retainer = _make_retainer(store, folder)
    await retainer.step()
    await _play(store, until=time.perf_counter() + SECONDS / 5)
    for _ in range(TURNS):
        found.alone.append(await _play(store, until=time.perf_counter() + SECONDS))
        until = time.perf_counter() + SECONDS
        purging = asyncio.create_task(_purge(retainer, found, until=until))
        found.beside.append(await _play(store, until=until))
        await purging
    await store.close()


async def _play(store: SqlStore, *, until: float) -> float:
    """Batches until then; the mean milliseconds of one."""
    spent = []
    while time.perf_counter() < until:
        accept, _ = await play_round(store, prefix=_NEW)
        spent.append(accept)
    return mean(spent)


async def _purge(retainer: Retainer, found: Purging, *, until: float) -> None:
    while time.perf_counter() < until:
        started = time.perf_counter()
        await retainer.step()
        found.slices.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(_PLAN.pause_seconds)


def _make_retainer(store: SqlStore, folder: Path) -> Retainer:
    return Retainer(
        store,
        FileDirectory(folder),
        StillClock(),
        terms=_TERMS,
        hour=0,
        rows=_PLAN.rows,
        holder="bench",
        purge_logs=_no_logs,
        log=lambda *_args, **_fields: None,
    )


async def _no_logs(_now: int) -> int:
    return 0
