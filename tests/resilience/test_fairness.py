"""One institution that hangs delays nobody, and comes back at its own pace (architecture point 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from gateway.core.delivery import State
from gateway.core.health import Condition
from gateway.core.party import Link
from gateway.observe import METRICS
from gateway.ports import Query
from tests.harness.gateway import Gateway
from tests.protocol.steps import eventually
from tests.resilience.institutions import Sluice, ask, banks

HEALTHY = [f"well{number}" for number in range(6)]


async def count(gateway: Gateway, recipient: str, state: State) -> int:
    return len(await gateway.store.find(Query(recipient=recipient, state=state)))


async def test_a_hanging_institution_delays_nobody(either: Gateway):
    """Everybody else is served while it hangs with all the connections that it may have, and not one more."""
    sluice = Sluice()
    async with banks(either, "sick", *HEALTHY, link=Link(concurrency=4, answer_timeout=60)) as (sick, *healthy):
        sluice.attach(sick)
        await ask(either, "sick", 12)
        await either.turn()
        await sluice.holds(4)
        for recipient in healthy:
            await ask(either, recipient.id, 5)
        await either.turn()
        await asyncio.gather(*(recipient.has(5) for recipient in healthy))
        await eventually(lambda: either.parts.bus.finished == 5 * len(healthy))
        assert [await count(either, name, State.DELIVERED) for name in HEALTHY] == [5] * len(HEALTHY)
        assert (sluice.under_way, len(sick.pushes)) == (4, 4)
        sluice.let(12)
        await either.deliver()
        assert await count(either, "sick", State.DELIVERED) == 12
        assert sluice.most == 4


async def test_pausing_a_hanging_institution_keeps_nobody_waiting(either: Gateway):
    """The worker goes on to live and to serve while the last pushes of a consumer that leaves still hang."""
    sluice = Sluice()
    async with banks(either, "sick", "well", link=Link(concurrency=2, answer_timeout=60)) as (sick, well):
        sluice.attach(sick)
        await ask(either, "sick", 3)
        await either.turn()
        await sluice.holds(2)
        await either.change("sick", paused=True)
        await ask(either, "well", 1)
        async with asyncio.timeout(5):
            await either.turn()
            await well.has(1)
        assert sluice.under_way == 2
        sluice.let(3)
        await eventually(lambda: either.parts.bus.finished == 3)
        assert await count(either, "sick", State.DELIVERED) == 2
        await either.change("sick", paused=False)
        await either.deliver()
        assert await count(either, "sick", State.DELIVERED) == 3


async def test_a_silent_institution_is_probed_and_recovers_at_its_pace(either: Gateway):
    """Silence costs one connection, not all; the return doubles the pushes at once; each message keeps its attempts."""
    paces, sluice = either.parts.paces, Sluice()
    async with banks(either, "sick", link=Link(concurrency=6, answer_timeout=0.2)) as [sick]:
        sluice.attach(sick)
        await ask(either, "sick", 14)
        await either.deliver()
        assert len(sick.pushes) == 14
        assert paces.condition("sick") is Condition.PAUSED
        assert METRICS.value("wgg_institution_health", recipient="sick") == 3
        await paces.report()
        assert await either.alerts() == [("INSTITUTION_SILENT", "sick")]
        sluice = Sluice()
        sluice.attach(sick)
        await either.change("sick", link=Link(concurrency=6, answer_timeout=60))
        either.clock.advance(18)
        await either.turn()
        await sluice.holds(1)
        for lanes in (2, 4):
            either.clock.advance(1)
            sluice.let(max(1, lanes // 2))
            await sluice.holds(lanes)
            assert (sluice.most, paces.condition("sick")) == (lanes, Condition.RECOVERING)
        either.clock.advance(1)
        sluice.let(14)
        await either.deliver()
        assert paces.condition("sick") is Condition.HEALTHY
        shown = await either.store.find(Query(recipient="sick", state=State.DELIVERED))
        assert [[each.outcome for each in view.attempts] for view in shown] == [["retry", "delivered"]] * 14


async def test_who_waits_for_a_turn_costs_nothing_at_a_stop(either: Gateway):
    """A stop sends away the wake-ups that wait behind a probe: no attempt is begun for them, and none is lost."""
    sluice = Sluice()
    async with banks(either, "sick", link=Link(concurrency=6, answer_timeout=0.2)) as [sick]:
        sluice.attach(sick)
        await ask(either, "sick", 8)
        await either.deliver()
        sluice = Sluice()
        sluice.attach(sick)
        await either.change("sick", link=Link(concurrency=6, answer_timeout=60))
        either.clock.advance(18)
        await either.turn()
        await sluice.holds(1)
        stopping = asyncio.create_task(either.parts.deliverer.close(15))
        sluice.let(1)
        await stopping
        shown = await either.store.find(Query(recipient="sick"))
        assert sorted(len(view.attempts) for view in shown) == [1] * 7 + [2]
        assert len(sick.pushes) == 9


async def test_a_broker_that_is_slow_to_make_a_queue_stops_no_heartbeat(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    """While a new institution's queue is awaited the worker says that it lives, keeps its claims and goes on."""
    slow, answered = asyncio.Event(), asyncio.Event()
    declare = gateway.parts.bus._bus.declare

    async def wait(recipients: Collection[str]) -> None:
        if "new" in recipients:
            slow.set()
            await answered.wait()
        await declare(recipients)

    async with banks(gateway, "well", link=Link(concurrency=2)) as [well]:
        await gateway.turn()
        monkeypatch.setattr(gateway.parts.bus, "declare", wait, raising=False)
        async with banks(gateway, "new") as [new]:
            consuming = asyncio.create_task(gateway.parts.deliverer.consume())
            await slow.wait()
            await ask(gateway, "well", 1)
            await ask(gateway, "new", 1)
            gateway.clock.advance(4)
            await gateway.parts.deliverer.beat()
            gateway.clock.advance(4)
            await gateway.parts.timers.sweep()
            await gateway.parts.relay._step()
            await well.has(1)
            answered.set()
            await consuming
            await new.has(1)
            await gateway.deliver()
            assert await count(gateway, "well", State.DELIVERED) == 1
