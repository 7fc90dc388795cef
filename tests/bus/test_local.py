from __future__ import annotations

from gateway.bus import LocalBus, LocalSettings
from tests.bus.support import Recorder, publication


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


async def test_a_full_queue_takes_no_more() -> None:
    """What found no room is not confirmed, the state names the queue, and other recipients are not concerned."""
    bus = LocalBus(LocalSettings(queue_limit=3))
    await bus.start()
    assert await bus.publish([publication(n) for n in range(5)]) == {0, 1, 2}
    assert (await bus.depth("xmccb"), bus.state().full) == (3, ["xmccb"])
    assert await bus.publish([publication(5), publication(6, "xmins")]) == {6}
    recorder = Recorder()
    await bus.subscribe("xmccb", prefetch=10, handle=recorder)
    await recorder.has_seen([0, 1, 2])
    assert bus.state().full == []
    assert await bus.publish([publication(5)]) == {5}
    await bus.stop()
