"""(f) Accept and the timers' sweep on a database with a past, against an empty one: the store's calls, turn by turn.

What HTTP, signatures and the bus cost is the same for both, so that the ratio of the whole is nearer to one than this.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from bench.volume_rows import fill
from gateway.catalogue import example, load_areas, load_calendar, load_catalogue
from gateway.core.case_changes import touches_case
from gateway.core.effects import Effects, Held, Timing, apply
from gateway.core.intake import Accepted, Draft, Item, Nonce, Reach
from gateway.core.message import Message
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.crypto.digest import sm3_hex
from gateway.store import SqlStore, open_store
from gateway.store.engine import parse_url, postgres_engine
from gateway.store.upgrade import upgrade
from tests.harness.postgres import create_database
from tests.harness.services import DATABASE_URL

NOW: Final = 1_795_219_200_000_000
BATCH: Final = 32
ROUNDS: Final = 40
LIMIT: Final = 100
LARGE: Final = ("messages", "deliveries", "attempts", "receipts", "nonces", "subjects", "clocks", "clock_warnings")

_CATALOGUE, _AREAS = load_catalogue(), load_areas()
TIMING: Final = Timing(calendar=load_calendar(), delivered=True)
_APPLY, _ISSUE = "guarantee.application.v1", "guarantee.issued.v1"
_numbers = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class Volume:
    """Milliseconds of each call, in turns, on the empty and on the full database; how often each index was read.

    `scans` counts sequential scans of large tables.
    """

    accept: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    sweep: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    filled: float = 0.0
    indexes: Mapping[str, int] = field(default_factory=dict)
    scans: Mapping[str, int] = field(default_factory=dict)


def measure(*, messages: int, clocks: int) -> Volume:
    """Fill one database, leave the other empty, and take turns on both."""
    empty, full = (create_database(os.environ[DATABASE_URL]) for _ in range(2))
    for url in (empty, full):
        upgrade(url)
    found = Volume()
    started = time.perf_counter()
    fill_database(full, messages=messages, clocks=clocks)
    found.filled = time.perf_counter() - started
    before = read_scans(full)
    asyncio.run(_take_turns(empty, full, found))
    found.indexes, found.scans = _since(before, read_scans(full))
    return found


def fill_database(url: str, *, messages: int, clocks: int) -> None:
    """Give the database a past; the statements may take minutes."""
    engine = postgres_engine(parse_url(url), size=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        fill(connection, messages=messages, clocks=clocks, calendar=TIMING.calendar.version, now=NOW)
    engine.dispose()


async def _take_turns(empty: str, full: str, found: Volume) -> None:
    stores = (open_store(empty), open_store(full))
    for store in stores:
        await store.open()
        await play_round(store)
    for _ in range(ROUNDS):
        for place, store in enumerate(stores):
            accept, sweep = await play_round(store)
            found.accept[place].append(accept)
            found.sweep[place].append(sweep)
    for store in stores:
        await store.close()


async def play_round(store: SqlStore, *, prefix: str = "B") -> tuple[float, float]:
    """A batch of new orders, one of their guarantees, and one sweep of every kind; milliseconds of both."""
    subjects = [f"{prefix}-{next(_numbers)}" for _ in range(BATCH // 2)]
    applied, issued = ([make_item(type_, subject) for subject in subjects] for type_ in (_APPLY, _ISSUE))
    accept = await _time(lambda: _accept(store, applied)) + await _time(lambda: _accept(store, issued))
    return accept, await _time(lambda: _sweep(store))


async def _accept(store: SqlStore, items: Sequence[Item]) -> None:
    outcomes = await store.accept(items)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes


async def _sweep(store: SqlStore) -> None:
    await store.sweep(now=NOW)
    await store.stale(now=NOW)
    await store.heads(limit=LIMIT, now=NOW)
    await store.due_clocks(now=NOW, limit=LIMIT)
    await store.outdated_clocks(version=TIMING.calendar.version, limit=LIMIT)


async def _time(call: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await call()
    return (time.perf_counter() - started) * 1000


def make_item(type_: str, subject: str) -> Item:
    """An example as accept's item, judged with rules and clocks; its nonce is new."""
    event = example(type_, subject=subject, now_us=NOW)
    envelope, row = parse_envelope(event), _CATALOGUE.row(type_)
    reach = Reach(case=touches_case(row), case_no=envelope.data.get("caseNo"))

    def judge(held: Held) -> Effects:
        role = "platform" if envelope.source == "platform" else "institution"
        return apply(
            held, envelope, row=row, source_role=role, institution_kind="bank", now=NOW, areas=_AREAS, timing=TIMING
        )

    draft = Draft(message=_message(envelope), refusal=None, plan=judge, reach=reach)
    return Item(nonce=Nonce(serial_no="CD" * 20, value=f"bench{next(_numbers):015d}"), at=NOW, draft=draft)


def _message(envelope: Envelope) -> Message:
    body = repr(envelope.data).encode()
    return Message(
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        recipient=envelope.recipient,
        correlation_id=None,
        digest=sm3_hex(body),
        body=body,
        origin="GZBZJ1-SM2-WITH-SM3 " + "x" * 300,
        received_at=NOW,
        receipt_no=envelope.id,
        receipt=b"{" + b" " * 250 + b"}",
    )


def read_scans(url: str) -> dict[str, int]:
    """How often each index was used so far; under `seq <table>`, how often a large table was read from end to end."""
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute("SELECT indexrelname, idx_scan FROM pg_stat_user_indexes").fetchall()
        tables = connection.execute("SELECT relname, seq_scan FROM pg_stat_user_tables").fetchall()
    return dict(indexes) | {f"seq {name}": count for name, count in tables if name in LARGE}


def _since(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    grown = {name: count - before.get(name, 0) for name, count in sorted(after.items()) if count > before.get(name, 0)}
    scans = {name.removeprefix("seq "): count for name, count in grown.items() if name.startswith("seq ")}
    return {name: count for name, count in grown.items() if not name.startswith("seq ")}, scans
