"""The harness finds what it is there for: without one of the four guards the verdict turns bad, with it it is good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.util import await_only

from gateway.flow.timers import Timers
from gateway.observe import METRICS
from gateway.ports import Query, StoreUnavailable
from gateway.store import intake, settle
from gateway.store.schema import SUBJECTS
from gateway.store.subjects import lock_subjects
from tests.chaos.scene import APPLICATION, CANCELLATION, PATIENCE, QUERY, Scene, staged
from tests.chaos.unsure import UnsureBus, UnsureRunner
from tests.chaos.verdict import Verdict
from tests.harness.gateway import Founded, on_database

with_and_without = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])


def check(verdict: Verdict, *, guarded: bool, found: str) -> None:
    """Good with the guard; without it bad, and for the reason that the guard is there for."""
    words = {fault.split(":")[0] for fault in verdict.faults}
    assert (verdict.good, words) == ((True, set()) if guarded else (False, {found})), verdict.faults


@with_and_without
async def test_the_fence(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, guarded: bool):
    """A worker that stalled past its lease decides about a row that another has delivered since."""
    if not guarded:
        monkeypatch.setattr(settle, "holds", lambda row, settlement: True)
    await scene.send(scene.letter(APPLICATION, "DD-1", "m-1"))
    scene.bank.behave({"conduct": "hang"})
    await scene.gateway.turn()
    await scene.until(lambda: scene.bank.hanging == 1)
    scene.bank.conduct = "well"
    scene.gateway.clock.advance(6)
    await scene.gateway.parts.timers.sweep()
    await scene.gateway.turn()
    await scene.until(lambda: scene.entries("effect") == ["m-1"])
    await scene.until(lambda: scene.gateway.parts.bus.finished == 1)
    scene.bank.behave({})  # the stalled attempt ends now, with a reset
    await scene.gateway.parts.bus.idle()
    for _ in range(3):
        await scene.gateway.after(30)
    check(await scene.verdict(), guarded=guarded, found="stuck")


@with_and_without
async def test_the_sweep_of_the_outbox(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, guarded: bool):
    """The broker forgets every wake-up that it confirmed; only the sweep finds the rows again."""
    if not guarded:

        async def nothing(_: Timers) -> bool:
            return False

        monkeypatch.setattr(Timers, "wake_again", nothing)
    lossy(scene, lost=1.0)
    await scene.send(*(scene.letter(APPLICATION, f"DD-{n}", f"m-{n}") for n in range(3)))
    for _ in range(2):
        await scene.gateway.turn()
    lossy(scene, lost=0.0)
    for _ in range(4):
        await scene.gateway.after(31)
    check(await scene.verdict(), guarded=guarded, found="lost")


def lossy(scene: Scene, **shares: float) -> None:
    """The relay publishes over a bus with these shares."""
    relay: Any = scene.gateway.parts.relay._step.__self__  # type: ignore[attr-defined]
    relay._bus = UnsureBus(scene.gateway.parts.bus, **shares)


@with_and_without
async def test_the_recipients_drop_of_duplicates(scene: Scene, *, guarded: bool):
    """A recipient acts and its answer is lost: the second push must not act again."""
    scene.bank.drops_duplicates = guarded
    scene.bank.behave({"conduct": "half"})
    await scene.send(scene.letter(APPLICATION, "DD-1", "m-1"))
    await scene.gateway.deliver()
    scene.bank.behave({})
    await scene.gateway.after(30)
    check(await scene.verdict(), guarded=guarded, found="doubled")


@with_and_without
async def test_the_case_lock(
    founded: Founded, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
):
    """Two processes read one order at the same instant, and each cancels it."""
    on_database(founded, {"WGG_DATABASE": postgres_url})
    async with staged(founded, tmp_path, gateways=2, DATABASE=postgres_url) as scene:
        await scene.send(scene.letter(APPLICATION, "DD-1", "m-1"))
        monkeypatch.setattr(intake, "lock_subjects", meeting(lock_subjects if guarded else read_subjects))
        rivals = [scene.letter(CANCELLATION, "DD-1", f"c-{n}", rivals="DD-1") for n in range(2)]
        await asyncio.gather(*(scene.send(letter, at=place) for place, letter in enumerate(rivals)))
        for _ in range(2):
            await scene.gateway.deliver()
        check(await scene.verdict(), guarded=guarded, found="contradiction")


Rows = dict[str, tuple[int, str | None]]


def read_subjects(connection: Connection, subjects: Iterable[str]) -> Rows:
    """What the lock reads, without the lock."""
    rows = connection.execute(
        select(SUBJECTS.c.subject, SUBJECTS.c.position, SUBJECTS.c.order_json).where(
            SUBJECTS.c.subject.in_(list(subjects))
        )
    )
    return {subject: (position, order_json) for subject, position, order_json in rows}


def meeting(read: Callable[[Connection, Iterable[str]], Rows]) -> Callable[[Connection, Iterable[str]], Rows]:
    """Two that read go on together; one that is alone for a second goes on alone."""
    barrier = asyncio.Barrier(2)

    async def meet() -> None:
        try:
            async with asyncio.timeout(1):
                await barrier.wait()
        except (TimeoutError, asyncio.BrokenBarrierError):
            await barrier.abort()

    def read_together(connection: Connection, subjects: Iterable[str]) -> Rows:
        rows = read(connection, subjects)
        if rows and not barrier.broken:
            await_only(meet())
        return rows

    return read_together


async def test_wakeups_that_come_twice_and_confirms_that_do_not(scene: Scene):
    """With wake-ups doubled and lost and confirms unsaid at random every message has its effect once, in order."""
    lossy(scene, twice=0.5, lost=0.3, unsaid=0.3)
    for number in range(10):
        await scene.send(scene.letter(APPLICATION, f"DD-{number}", f"a-{number}"))
        await scene.send(scene.letter(QUERY, f"DD-{number}", f"b-{number}"))
    for _ in range(12):
        await scene.gateway.after(61)
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults
    assert verdict.delivered == 20


async def test_transactions_that_fail_and_commits_that_nobody_is_told_of(scene: Scene):
    """With a tenth of all transactions failing and a tenth unsaid every message has its effect once, in order."""
    runner = UnsureRunner(scene.gateway.store, failed=0.1, unsaid=0.1)  # type: ignore[arg-type]
    letters = [scene.letter(APPLICATION, f"DD-{number}", f"a-{number}") for number in range(20)]
    sending = asyncio.create_task(scene.send(*letters))
    async with asyncio.timeout(PATIENCE):
        while not sending.done() or len(set(scene.entries("effect"))) < len(letters):
            await stumble_on(scene)
    runner.failed = runner.unsaid = 0.0
    for _ in range(4):
        await stumble_on(scene, seconds=31)
    await scene.gateway.deliver()
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults
    assert verdict.delivered == 20
    assert runner.troubles > 5


async def stumble_on(scene: Scene, *, seconds: float = 1) -> None:
    """One step of every service, whatever becomes of it, and time for those who wait to ask again."""
    parts = scene.gateway.parts
    steps = (parts.deliverer.beat, parts.deliverer.consume, parts.timers.sweep, parts.timers.wake_again)
    for step in (parts.roster.refresh, *steps, parts.relay._step):
        with suppress(StoreUnavailable):
            await step()
    await asyncio.sleep(0.005)
    scene.gateway.clock.advance(seconds)


async def test_an_institution_that_fails_for_an_hour(scene: Scene):
    """What came during the hour is delivered after it, once and in order, without a dead letter."""
    scene.bank.behave({"conduct": "error"})
    for number in range(5):
        await scene.send(scene.letter(APPLICATION, f"DD-{number}", f"a-{number}"))
        await scene.send(scene.letter(QUERY, f"DD-{number}", f"b-{number}"))
    for _ in range(60):
        await scene.gateway.after(60)
    scene.bank.behave({})
    for _ in range(70):
        await scene.gateway.after(60)
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults
    assert (verdict.delivered, verdict.dead) == (10, 0)


@pytest.mark.parametrize("jump", [-240.0, 240.0, 3600.0, -3600.0])
async def test_our_clock_jumps(scene: Scene, jump: float):
    """A jump of the clock, either way, in the middle of deliveries: nothing is lost, doubled or out of order."""
    scene.bank.behave({"conduct": "half"})
    for number in range(3):
        await scene.send(scene.letter(APPLICATION, f"DD-{number}", f"a-{number}"))
    await scene.gateway.deliver()
    scene.gateway.clock.advance(jump)
    for number in range(3):
        await scene.send(scene.letter(QUERY, f"DD-{number}", f"b-{number}"))
    scene.bank.behave({})
    for _ in range(80):
        await scene.gateway.after(60)
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults
    assert verdict.delivered == 6


async def test_the_first_claim_after_an_outage(scene: Scene):
    """A worker that could not beat for longer than its lease beats before it claims: its wake-ups are not spent."""
    await scene.gateway.turn()
    scene.gateway.clock.advance(10)
    await scene.send(scene.letter(APPLICATION, "DD-1", "m-1"))
    await scene.gateway.parts.relay._step()
    await scene.gateway.parts.bus.idle()
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults


async def test_a_database_that_may_not_grow(scene: Scene):
    """At SQLite's `max_page_count` messages are refused with 503 and nothing of them is kept; then all of them flow."""
    writer = scene.gateway.store._runner._writer  # type: ignore[attr-defined]

    def bound(pages: int) -> int:
        count: int = writer.submit(
            lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar()
        ).result(10)
        return count

    before = refusals()
    assert bound(1) < 1_000
    letters = [scene.letter(APPLICATION, f"DD-{n}", f"m-{n}") for n in range(40)]
    sending = asyncio.create_task(scene.send(*letters))
    await scene.until(lambda: refusals() > before + 10)
    kept = len(await scene.gateway.store.find_ids(Query(limit=None)))
    assert kept < len(letters)
    await asyncio.to_thread(bound, 1_000_000)
    await sending
    await scene.gateway.deliver()
    verdict = await scene.verdict()
    assert verdict.good, verdict.faults
    assert (verdict.accepted, verdict.delivered) == (40, 40)


def refusals() -> float:
    return METRICS.value("wgg_accept_outcomes_total", code="UNAVAILABLE") or 0
