"""A rate of its own for each institution: its pushes are spaced evenly, and nobody else waits (point 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.core.delivery import State
from gateway.core.party import Link
from gateway.flow.pacing import Closing, Paces
from gateway.ports import Query
from tests.harness.fake_clock import FakeClock
from tests.harness.gateway import Gateway
from tests.protocol.steps import eventually
from tests.resilience.institutions import ask, banks

SLOW = Link(concurrency=8, rate=2)


async def count(gateway: Gateway, recipient: str) -> int:
    return len(await gateway.store.find_ids(Query(recipient=recipient, state=State.DELIVERED, limit=None)))


async def test_pushes_are_spaced_by_the_rate(either: Gateway):
    """At two a second the second push begins half a second after the first; another institution is not slowed."""
    async with banks(either, "slow", link=SLOW) as [slow], banks(either, "quick") as [quick]:
        await ask(either, "slow", 3)
        await ask(either, "quick", 3)
        await either.turn()
        await asyncio.gather(slow.has(1), quick.has(3))
        for pushes in (2, 3):
            await eventually(lambda: either.clock.sleepers > 0)
            assert len(slow.pushes) == pushes - 1
            either.clock.advance(0.5)
            await slow.has(pushes)
        await either.parts.bus.idle()
        assert (await count(either, "slow"), await count(either, "quick")) == (3, 3)


async def test_who_waits_for_the_rate_costs_nothing_at_a_stop(gateway: Gateway):
    """The wake-ups that wait go back: no attempt is begun for them, no row stays claimed."""
    async with banks(gateway, "slow", link=SLOW) as [slow]:
        await ask(gateway, "slow", 3)
        await gateway.turn()
        await slow.has(1)
        await eventually(lambda: gateway.clock.sleepers > 0)
        await gateway.parts.deliverer.close(15)
        shown = await gateway.store.find(Query(recipient="slow"))
        assert sorted(len(view.attempts) for view in shown) == [0, 0, 1]


@pytest.fixture
async def paces() -> AsyncIterator[Paces]:
    made = Paces(None, FakeClock(), log=lambda *_a, **_k: None)  # type: ignore[arg-type]
    yield made
    made.close()


async def take(paces: Paces, *, rate: float | None = 1) -> None:
    async with paces.turn("slow", most=1, rate=rate):
        pass


async def test_a_clock_that_jumps_back_holds_nobody_up(paces: Paces):
    """The wait is never longer than the turns that may stand before it."""
    clock: FakeClock = paces._clock  # type: ignore[assignment]
    await take(paces)
    clock.set(clock.now() - 3_600_000_000)
    late = asyncio.create_task(take(paces))
    await eventually(lambda: clock.sleepers > 0)
    clock.advance(1)
    await asyncio.wait_for(late, 5)


async def test_without_a_rate_nobody_waits(paces: Paces):
    """Ten turns at one instant."""
    for _ in range(10):
        await asyncio.wait_for(take(paces, rate=None), 5)


async def test_a_turn_that_waits_for_the_rate_is_free_after_the_end(paces: Paces):
    """Whoever waits is told that it will not come, and holds nothing any more."""
    await take(paces)
    late = asyncio.create_task(take(paces))
    await eventually(lambda: paces._clock.sleepers > 0)  # type: ignore[attr-defined]
    paces.close()
    with pytest.raises(Closing):
        await asyncio.wait_for(late, 5)
    assert paces._roads["slow"].under_way == 0
