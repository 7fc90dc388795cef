"""A graceful stop costs no attempt, whatever the institutions do meanwhile (issue: recovery; architecture point 9)."""

from __future__ import annotations

import asyncio

from gateway.core.delivery import State
from gateway.core.party import Link
from gateway.ports import Query
from tests.harness.gateway import Gateway
from tests.protocol.steps import eventually
from tests.resilience.institutions import Sluice, ask, banks


async def test_a_push_that_hangs_beyond_the_grace_costs_no_attempt(either: Gateway):
    """Its row is free and due at once, its attempt is gone; a receipt that comes after all still counts."""
    sluice = Sluice()
    async with banks(either, "sick", link=Link(concurrency=2, answer_timeout=60)) as [sick]:
        sluice.attach(sick)
        await ask(either, "sick", 3)
        await either.turn()
        await sluice.holds(2)
        await either.parts.deliverer.close(0)
        given_back = await either.store.find(Query(recipient="sick", limit=None))
        assert [(view.state, len(view.attempts)) for view in given_back] == [(State.ACCEPTED, 0)] * 3
        assert {view.next_attempt_at for view in given_back} == {either.clock.now()}
        sluice.let(3)
        await eventually(lambda: either.parts.bus.finished == 2)
        shown = await either.store.find(Query(recipient="sick", state=State.DELIVERED, limit=None))
        assert len(shown) == 2


async def test_a_stop_in_the_middle_of_a_backlog_costs_no_attempt(either: Gateway):
    """What was in hand is delivered once within the grace, what waited was never tried; the next process does it."""
    sluice = Sluice()
    async with banks(either, "well", link=Link(concurrency=4, answer_timeout=60)) as [well]:
        sluice.attach(well)
        await ask(either, "well", 12)
        await either.turn()
        await sluice.holds(4)
        stopping = asyncio.create_task(either.stop())
        await asyncio.sleep(0)
        sluice.let(1000)
        await stopping
        either.clock.advance(6)
        await either.start()
        await either.deliver()
        await eventually(lambda: either.parts.bus.finished == 8)
        shown = await either.store.find(Query(recipient="well", limit=None))
        assert [[each.outcome for each in view.attempts] for view in shown] == [["delivered"]] * 12
        assert len({push.event["id"] for push in well.pushes}) == len(well.pushes) == 12
