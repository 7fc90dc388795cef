from __future__ import annotations

from gateway.bus import LocalBus
from tests.bus.support import publication


async def test_a_start_begins_empty() -> None:
    """The local bus forgets at start what an earlier run left, and claims no durability."""
    bus = LocalBus()
    await bus.start()
    await bus.publish([publication(1)])
    await bus.stop()
    await bus.start()
    assert await bus.depth("xmccb") is None
    assert not bus.durable
    await bus.stop()


async def test_a_bus_that_was_not_started_confirms_nothing() -> None:
    """Before start the local bus is not connected and takes nothing."""
    bus = LocalBus()
    assert not bus.state().connected
    assert await bus.publish([publication(1)]) == frozenset()
