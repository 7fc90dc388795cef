"""What becomes of a clock leaves a row each time, on both databases, and the chain holds every one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, select, text

from gateway.core.calendar import build_calendar, is_weekday
from gateway.core.effects import Effects
from gateway.core.evidence.holdings import Scope
from gateway.core.evidence.leaves import CLOCK, CLOCK_EVENT
from gateway.core.legal_clock import begin_clock
from gateway.core.sla import BeginClocks, EndClocks
from gateway.ports import Query
from gateway.store import SqlStore
from gateway.store.clock_tables import CLOCK_EVENTS, CLOCKS
from gateway.store.leaf_sources import KINDS
from gateway.store.upgrade import _config, upgrade
from tests.harness.fake_clock import FakeClock
from tests.store.builders import NOW, make_item, make_message, make_proof
from tests.store.conftest import make_engine
from tests.store.test_clocks import CALENDAR, DAY, THRESHOLDS, keep, make_clock, reckon, write
from tests.store.test_evidence import kinds, seal_all

_E = CLOCK_EVENTS.c
_OLD = text(
    "INSERT INTO clocks (number, rule, subject, scope, key, platform, basis, unverified, term, unit, close, source,"
    " message_id, created_at, state, provisional, calendar, breached_at, ended_at) VALUES (:number, 'issue', 'S', 'S',"
    " '', 'p', 'b', false, 10, 'days', 0, '', '', 1, :state, false, '2026', :breached, :ended)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    return f"sqlite:///{tmp_path / 'old.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def told(engine: Engine, number: str) -> list[tuple[int, str, int | None, str]]:
    """Step, event, percent and state of each of a clock's rows."""
    rows = select(_E.step, _E.event, _E.percent, _E.state).where(_E.clock == number).order_by(_E.id)
    with engine.begin() as connection:
        steps = connection.execute(select(CLOCKS.c.steps).where(CLOCKS.c.number == number)).scalar_one()
        found = [tuple(row) for row in connection.execute(rows)]
    assert [row[0] for row in found] == list(range(1, steps + 1))
    return found


def ending(scope: str, *, withdrawn: bool = False, at: int = NOW) -> EndClocks:
    return EndClocks(rule="issue", scope=scope, key=None, at=at, by="xmccb/e-1", withdrawn=withdrawn)


async def test_a_term_that_passes_leaves_each_threshold_and_its_end(store: SqlStore, engine: Engine) -> None:
    """Warned three times, breached, ended late: five rows in their order, the last with its cause."""
    clock = make_clock()
    await write(store, clock)
    assert told(engine, clock.number) == []
    time = FakeClock(NOW)
    keeper = keep(store, time)
    for _ in range(30):
        time.advance(86_400)
        await keeper.sweep()
    await write(store, ending(clock.scope, at=time.now()))
    assert told(engine, clock.number) == [
        (1, "warned", 50, "running"),
        (2, "warned", 80, "running"),
        (3, "warned", 95, "running"),
        (4, "breached", 100, "running"),
        (5, "ended", None, "ended"),
    ]
    with engine.begin() as connection:
        rows = connection.execute(select(CLOCK_EVENTS).order_by(_E.id)).all()
    assert [row.ended_by for row in rows] == [None] * 4 + ["xmccb/e-1"]
    assert {row.due_at for row in rows} == {clock.due_at}
    assert rows[3].breached_at == clock.due_at


async def test_a_delivery_lets_it_run_and_a_withdrawal_takes_it_back(store: SqlStore, engine: Engine) -> None:
    """Begun by a receipt, dated by when it was written, not by the instant from which it counts."""
    message = make_message("m-begun", source="platform", recipient="xmccb", subject="P1")
    clock = make_clock(waiting=True, message_id="m-begun")
    await store.accept([make_item(message, plan=lambda _: Effects(order=None, clocks=(clock,)))])
    [delivery] = await store.find_ids(Query(source="platform"))
    begins = BeginClocks(source="platform", message_id="m-begun", at=NOW - DAY, served=False, calendar=CALENDAR)
    proof = make_proof(delivery, begins=begins)
    await store.prove(proof)
    await write(store, ending(clock.scope, withdrawn=True))
    assert told(engine, clock.number) == [(1, "begun", None, "running"), (2, "withdrawn", None, "withdrawn")]
    with engine.begin() as connection:
        first = connection.execute(select(CLOCK_EVENTS).order_by(_E.id)).first()
    assert first is not None
    assert (first.at, first.start_at) == (proof.at, NOW - DAY)


async def test_a_clock_that_its_own_batch_ends_has_its_end(store: SqlStore, engine: Engine) -> None:
    """Set up and ended before it was written; told of again it leaves nothing more."""
    clock = make_clock()
    await write(store, clock, ending(clock.scope))
    await write(store, clock, ending(clock.scope))
    assert told(engine, clock.number) == [(1, "ended", None, "ended")]


async def test_a_new_calendar_leaves_what_it_moved(store: SqlStore, engine: Engine) -> None:
    """The first reckoning stays in the clock's own leaf; the new one is an event."""
    short = build_calendar(CALENDAR.known_from, CALENDAR.known_from.replace(year=2025, month=12, day=31), is_weekday)
    clock = begin_clock(make_clock("MOVED", waiting=True), NOW, short, THRESHOLDS)
    await write(store, clock)
    await reckon(keep(store, FakeClock(NOW)))
    await seal_all(store)
    assert told(engine, "MOVED") == [(1, "reckoned", None, "running")]
    message = await store.find_ids(Query(subject=clock.subject))
    assert message
    held = await store.gather(Scope(kind="order", value=clock.subject))
    first, moved = (next(leaf.members for leaf in held.leaves if leaf.kind == kind) for kind in (CLOCK, CLOCK_EVENT))
    assert (first["calendar"], moved["calendar"]) == (short.version, CALENDAR.version)
    assert first["dueAt"] == clock.due_at
    assert held.clocks == {"MOVED": 1}


async def test_the_chain_holds_every_change_and_a_bundle_counts_what_is_sealed(store: SqlStore) -> None:
    """What was not sealed when it was gathered is not counted as missing."""
    subject = "DD-7"
    clock = make_clock(subject=subject, scope=subject)
    await store.accept(
        [make_item(make_message("m1", subject=subject), plan=lambda _: Effects(order=None, clocks=(clock,)))]
    )
    assert kinds(await seal_all(store)) == {"message": 1, "clock": 1}
    await store.accept(
        [make_item(make_message("m2", subject=subject), plan=lambda _: Effects(order=None, clocks=(ending(subject),)))]
    )
    held = await store.gather(Scope(kind="order", value=subject))
    assert (held.subjects, held.clocks) == ({subject: 1}, {clock.number: 0})
    assert kinds(await seal_all(store)) == {"message": 1, "clockevent": 1}
    held = await store.gather(Scope(kind="order", value=subject))
    assert (held.subjects, held.clocks, held.lost) == ({subject: 2}, {clock.number: 1}, [])


async def test_what_is_changed_by_hand_is_told_too(store: SqlStore, engine: Engine) -> None:
    """Somebody who writes the table leaves a row that counts no step of the gateway's."""
    clock = make_clock()
    await write(store, clock)
    with engine.begin() as connection:
        connection.execute(text("UPDATE clocks SET due_at = due_at + 1"))
        rows = connection.execute(select(_E.step, _E.event)).all()
    assert rows == [(0, "reckoned")]


async def test_a_deleted_row_is_lost_not_forgotten(store: SqlStore, engine: Engine) -> None:
    """The chain still names what the database has no more."""
    subject = "DD-8"
    clock = replace(make_clock(), subject=subject, scope=subject)
    await store.accept(
        [make_item(make_message("m1", subject=subject), plan=lambda _: Effects(order=None, clocks=(clock,)))]
    )
    await store.accept(
        [make_item(make_message("m2", subject=subject), plan=lambda _: Effects(order=None, clocks=(ending(subject),)))]
    )
    await seal_all(store)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM clock_events"))
    held = await store.gather(Scope(kind="order", value=subject))
    assert [(leaf.kind, leaf.height) for leaf in held.lost] == [("clockevent", 1)]
    assert held.clocks == {clock.number: 1}


def test_clocks_of_before_get_what_is_known_of_them(empty: str) -> None:
    """The revision writes the breach and the end of a clock that was there, as of the upgrade, and counts them.

    Its own leaf stays as it was sealed: no member is added to it.
    """
    engine = make_engine(empty)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0010")
        for number, breached, ended in (("A", None, None), ("B", NOW, None), ("C", NOW, NOW + 1)):
            state = "running" if ended is None else "ended"
            connection.execute(_OLD, {"number": number, "breached": breached, "ended": ended, "state": state})
    upgrade(empty)
    events = [(number, [row[1] for row in told(engine, number)]) for number in "ABC"]
    source = KINDS[CLOCK]
    with engine.begin() as connection:
        rows = connection.execute(select(*source.columns()).select_from(source.rows)).all()
    engine.dispose()
    assert {frozenset(source.read_members(row)) & source.sparse for row in rows} == {frozenset()}
    assert events == [("A", []), ("B", ["breached"]), ("C", ["breached", "ended"])]
