"""Every question of accept and of the sweeps has an index: what is stored already is never read from end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from bench.volume import LARGE, NOW, TIMING, fill_database, play_round, read_scans
from bench.volume_rows import fill
from gateway.store import SqlStore, open_store
from tests.store.builders import make_proof
from tests.store.conftest import make_engine

MESSAGES, CLOCKS = 2_000, 40_000
ALIASES = ("earlier", "pay")
"""Under which the large tables stand a second time in a statement."""


async def play_delivery(store: SqlStore) -> None:
    """Heads marked, claimed, proved and given back; a mailbox, a message, a guarantee; what a scrape counts."""
    heads = await store.heads(limit=10, now=NOW)
    await store.beat("worker", now=NOW)
    await store.mark({head.delivery_id: head.token for head in heads}, now=NOW)
    claimed = await store.claim([head.delivery_id for head in heads], worker="worker", now=NOW)
    assert len(claimed) == 10
    await store.prove(make_proof(claimed[0].delivery_id))
    await store.release("worker", now=NOW)
    await store.waiting("bench-a", limit=20, after=None)
    await store.message("platform", "v5")
    await store.guarantees("BH-1")
    await store.held_orders("bench-a")
    await store.purge_nonces(before=0, limit=100)
    await store.republish("xmccb", limit=10, now=NOW)
    await store.tally()


async def test_postgresql_reads_no_large_table_from_end_to_end(postgres_home: str) -> None:
    """With sequential scans priced out, so that a small table shows what a big one would, each plan finds an index."""
    fill_database(postgres_home, messages=MESSAGES, clocks=CLOCKS)
    name = postgres_home.rpartition("/")[2]
    with psycopg.connect(postgres_home, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET enable_seqscan = off')
    store = open_store(postgres_home)
    await store.open()
    before = read_scans(postgres_home)
    for _ in range(2):
        await play_round(store)
        await play_delivery(store)
    await store.close()
    after = read_scans(postgres_home)
    grown = {key for key, count in after.items() if count > before.get(key, 0)}
    assert {key for key in grown if key.startswith("seq ")} == set()
    assert {"messages_pkey", "subjects_pkey", "ix_deliveries_live", "ix_clocks_next", "ix_clocks_open"} <= grown


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    """Every statement of every engine, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(*event: Any) -> None:
        _connection, _cursor, statement, parameters, _context, executemany = event
        seen.append((statement, parameters[0] if executemany else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_sqlite_reads_no_large_table_from_end_to_end(sqlite_home: str) -> None:
    """Each statement's plan searches the large tables, or reads an index that holds just the rows in question."""
    engine = make_engine(sqlite_home)
    with engine.begin() as connection:
        fill(connection, messages=MESSAGES, clocks=CLOCKS, calendar=TIMING.calendar.version, now=NOW)
    store = open_store(sqlite_home)
    await store.open()
    with asked() as statements:
        await play_round(store)
        await play_delivery(store)
    await store.close()
    whole = re.compile(rf"SCAN ({'|'.join((*LARGE, *ALIASES))})$")
    with engine.begin() as connection:
        plans = [
            (statement, row[3])
            for statement, parameters in statements
            if re.match(r"\s*(SELECT|UPDATE|INSERT|DELETE|WITH)", statement)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    engine.dispose()
    assert len(plans) > 20
    assert [(statement, step) for statement, step in plans if whole.match(step)] == []
