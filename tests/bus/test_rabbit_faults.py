"""RabbitMQ behind the harness's proxy: whatever breaks, nothing that was confirmed is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import pytest

from gateway.bus.quarantine import Answer
from gateway.bus.rabbit import RabbitBus
from gateway.ports import Publication
from tests.bus.admin import admin
from tests.bus.conftest import MakeRabbit
from tests.bus.support import PATIENCE, Journal, Recorder, eventually, publication
from tests.harness.proxy import Proxy
from tests.harness.rabbit import Rabbit

_COUNT = 1500
_SIZE = 4000


async def _publish_into(bus: RabbitBus, proxy: Proxy, fault: Callable[[], None]) -> frozenset[int]:
    """Publish a long batch through a slow line and let the fault strike while its window is under way."""
    proxy.slow(0.005)
    already = proxy.bytes_in
    publishing = asyncio.create_task(bus.publish([publication(n, size=_SIZE) for n in range(_COUNT)]))
    await eventually(lambda: proxy.bytes_in - already > _COUNT * _SIZE // 2)
    await asyncio.to_thread(fault)
    return await publishing


async def _confirm_all(bus: RabbitBus, ids: Collection[int]) -> None:
    """Publish again what is unknown, as the relay does, until all of it is confirmed."""
    async with asyncio.timeout(PATIENCE):
        unknown = set(ids)
        while unknown:
            await eventually(lambda: bus.state().connected and not bus.state().full)
            unknown -= await bus.publish([publication(n, size=_SIZE) for n in sorted(unknown)])


async def _nothing_is_lost(bus: RabbitBus, recorder: Recorder, confirmed: frozenset[int]) -> None:
    """What was confirmed arrives; what was not can be published again, until it is."""
    assert 0 < len(confirmed) < _COUNT
    await recorder.has_seen(confirmed)
    await eventually(lambda: bus.state().connected)
    await _confirm_all(bus, set(range(_COUNT)) - confirmed)
    await recorder.has_seen(range(_COUNT))


@pytest.mark.parametrize("fault", ["cut", "drop", "reset", "stall"])
async def test_a_broken_line_loses_nothing_confirmed(make_rabbit: MakeRabbit, proxy: Proxy, fault: str) -> None:
    """A line that is cut, dropped, reset or stalled under a full window leaves each publish confirmed or unknown."""
    bus, recorder = await make_rabbit(), Recorder()
    await bus.subscribe("xmccb", prefetch=100, handle=recorder)
    confirmed = await _publish_into(bus, proxy, getattr(proxy, fault))
    proxy.restore()
    await _nothing_is_lost(bus, recorder, confirmed)


async def test_a_broker_killed_under_a_full_window_loses_nothing_confirmed(
    make_rabbit: MakeRabbit, proxy: Proxy, node: Rabbit
) -> None:
    """A broker that dies by SIGKILL with 200 publishes in flight still delivers all that it confirmed."""
    bus, recorder = await make_rabbit(), Recorder()
    await bus.declare(["xmccb"])
    await asyncio.to_thread(node.save)
    confirmed = await _publish_into(bus, proxy, node.kill)
    assert not bus.state().connected
    assert await bus.publish([publication(1)]) == frozenset()
    await asyncio.to_thread(node.start)
    proxy.restore()
    await bus.subscribe("xmccb", prefetch=100, handle=recorder)
    await _nothing_is_lost(bus, recorder, confirmed)


async def test_a_broker_that_forgets_all_is_furnished_again(
    make_rabbit: MakeRabbit, node: Rabbit, journal: Journal
) -> None:
    """After a broker came back with nothing, queues and consumers are back, and new wake-ups flow."""
    bus, recorder = await make_rabbit(), Recorder()
    await bus.declare(["xmins"])
    await bus.subscribe("xmccb", prefetch=10, handle=recorder)
    await asyncio.to_thread(node.wipe)
    await eventually(lambda: journal.events["bus.connected:publish"] == 2 and bus.state().connected)
    assert await bus.depth("xmins") == 0
    assert await bus.publish([publication(1)]) == {1}
    await recorder.has_seen([1])


async def test_a_broker_that_is_away_blocks_nobody(make_rabbit: MakeRabbit, proxy: Proxy) -> None:
    """With the broker away every call returns at once and says so; when it comes, what was asked stands."""
    proxy.cut()
    bus, recorder = await make_rabbit(wait=False), Recorder()
    async with asyncio.timeout(1):
        await bus.declare(["xmins"])
        subscription = await bus.subscribe("xmccb", prefetch=1, handle=recorder)
        left = await bus.subscribe("xmbond", prefetch=1, handle=recorder)
        await left.cancel()
        assert await bus.publish([publication(1)]) == frozenset()
        assert (await bus.depth("xmccb"), await bus.dead_depth()) == (None, None)
    state = bus.state()
    assert (state.connected, tuple(state.silent)) == (False, ("xmccb",))
    proxy.restore()
    await eventually(lambda: bus.state().connected)
    assert await bus.depth("xmins") == 0
    assert await bus.publish([publication(1)]) == {1}
    await recorder.has_seen([1])
    await subscription.cancel()


async def test_a_stalled_broker_is_given_up_in_time(make_rabbit: MakeRabbit, proxy: Proxy, journal: Journal) -> None:
    """A broker that answers nothing costs a publish its timeout, then the connection; calls end, too."""
    bus = await make_rabbit(publish_timeout=0.3, call_timeout=0.3, connect_timeout=0.3)
    await _confirm_all(bus, {0})
    proxy.stall()
    async with asyncio.timeout(5):
        assert await bus.publish([publication(1)]) == frozenset()
        assert await bus.depth("xmccb") is None
        await bus.declare(["xmccb"])
    await eventually(lambda: not bus.state().connected)
    assert journal.events["bus.publish_timeout"] == 1
    proxy.restore()
    await eventually(lambda: bus.state().connected and not bus.state().full)
    assert await bus.publish([publication(1)]) == {1}


async def test_a_stalled_broker_does_not_hold_up_the_stop(make_rabbit: MakeRabbit, proxy: Proxy) -> None:
    """A bus stops within seconds though its broker answers nothing, also one that is just connecting."""
    bus = await make_rabbit(call_timeout=0.3)
    await bus.subscribe("xmccb", prefetch=1, handle=Recorder())
    proxy.stall()
    connecting = await make_rabbit(wait=False)
    async with asyncio.timeout(8):
        await asyncio.gather(bus.stop(), connecting.stop())


async def test_an_idle_line_that_died_is_noticed(make_rabbit: MakeRabbit, proxy: Proxy, journal: Journal) -> None:
    """Heartbeats find a dead line on which nothing is published, and the consumer is back afterwards."""
    bus, recorder = await make_rabbit(heartbeat=1), Recorder()
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    proxy.stall()
    await eventually(lambda: not bus.state().connected)
    proxy.restore()
    await eventually(lambda: bus.state().connected)
    assert journal.events["bus.connection_lost"] >= 1
    assert await bus.publish([publication(1)]) == {1}
    await recorder.has_seen([1])


async def test_a_blocked_publisher_says_so_and_consumers_go_on(make_rabbit: MakeRabbit, node: Rabbit) -> None:
    """Under the broker's memory alarm publishes are unknown, then refused at once; acknowledgements still pass."""
    bus, recorder = await make_rabbit(publish_timeout=0.5), Recorder()
    recorder.gate.clear()
    await bus.publish([publication(n) for n in range(5)])
    subscription = await bus.subscribe("xmccb", prefetch=10, handle=recorder)
    await recorder.has_begun(5)
    await asyncio.to_thread(node.block)
    try:
        assert await bus.publish([publication(10)]) == frozenset()
        assert bus.state().blocked
        async with asyncio.timeout(0.2):
            assert await bus.publish([publication(11)]) == frozenset()
        recorder.gate.set()
        await subscription.cancel()
        assert await bus.depth("xmccb") == 0
    finally:
        await asyncio.to_thread(node.unblock)
    await eventually(lambda: not bus.state().blocked)
    assert await bus.publish([publication(10), publication(11)]) == {10, 11}


async def test_a_reconnect_does_not_widen_the_prefetch(make_rabbit: MakeRabbit, proxy: Proxy, journal: Journal) -> None:
    """Wake-ups that come again while their first handlers still run wait for a seat."""
    bus, recorder = await make_rabbit(), Recorder()
    recorder.gate.clear()
    await bus.subscribe("xmccb", prefetch=3, handle=recorder)
    await bus.publish([publication(n) for n in range(6)])
    await recorder.has_begun(3)
    proxy.drop()
    await eventually(lambda: journal.events["bus.connected:consume-xmccb"] == 2)
    recorder.gate.set()
    await recorder.has_seen(range(6))
    assert recorder.most == 3
    assert set(recorder.ids[:3]) == {0, 1, 2}


async def test_one_broken_queue_harms_no_other(make_rabbit: MakeRabbit, node: Rabbit, journal: Journal) -> None:
    """A queue whose server is gone is reported silent; the others go on, and it too once it is healed."""
    bus = await make_rabbit(publish_timeout=0.5, call_timeout=0.5, replace_after=3600.0)
    broken, healthy = Recorder(), Recorder()
    await bus.declare(["xmccb", "xmins"])
    queue = bus._settings.queue("xmccb")
    await asyncio.to_thread(node.stop_queue, queue)
    assert await bus.publish([publication(1), publication(2, "xmins")]) == {2}
    await bus.subscribe("xmccb", prefetch=1, handle=broken)
    await bus.subscribe("xmins", prefetch=1, handle=healthy)
    await healthy.has_seen([2])
    assert await bus.publish([publication(3, "xmins")]) == {3}
    await healthy.has_seen([3])
    assert (bus.state().connected, tuple(bus.state().silent)) == (True, ("xmccb",))
    assert (journal.events["bus.connected:publish"], journal.events["bus.connected:consume-xmins"]) == (1, 1)
    await asyncio.to_thread(node.start_queue, queue)
    await eventually(lambda: not bus.state().silent)
    await _confirm_all(bus, {4})
    await broken.has_seen([4])


async def test_a_dumb_queue_delays_no_other(make_rabbit: MakeRabbit, node: Rabbit, journal: Journal) -> None:
    """A queue that answers nothing costs its batch one timeout, then is left out until it confirms again by itself."""
    bus = await make_rabbit(publish_timeout=5.0, replace_after=3600.0)
    await _confirm_all(bus, {0})
    await bus.declare(["xmins"])
    queue = bus._settings.queue("xmccb")
    await asyncio.to_thread(node.freeze_queue, queue)
    backlog = [publication(n) for n in range(1, 400)]
    assert await bus.publish([*backlog, publication(400, "xmins")]) == {400}
    assert bus.state().full == ("xmccb",)
    async with asyncio.timeout(4.9):
        assert await bus.publish([*backlog, publication(401, "xmins")]) == {401}
    await asyncio.to_thread(node.thaw_queue, queue)
    await eventually(lambda: not bus.state().full)
    assert await bus.publish(backlog) == frozenset(range(1, 400))
    assert (journal.events["bus.connected:publish"], journal.events["bus.queue_replaced"]) == (1, 0)
    assert bus.take_emptied() == frozenset()


@pytest.mark.parametrize("fault", ["freeze_queue", "stop_queue"])
async def test_a_dead_queue_is_made_anew(make_rabbit: MakeRabbit, node: Rabbit, journal: Journal, fault: str) -> None:
    """A queue that confirms nothing for long is replaced, told of, and its consumer comes back to it."""
    bus, recorder = await make_rabbit(publish_timeout=1.0, replace_after=2.0, supervise_every=0.2), Recorder()
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await _confirm_all(bus, {0})
    await asyncio.to_thread(getattr(node, fault), bus._settings.queue("xmccb"))
    assert await bus.publish([publication(1)]) == frozenset()
    await eventually(lambda: journal.events["bus.queue_replaced"] > 0 and not bus.state().full)
    assert bus.take_emptied() == {"xmccb"}
    await _confirm_all(bus, {2})
    await recorder.has_seen([2])


async def test_a_full_queue_is_left_as_it_is(make_rabbit: MakeRabbit, node: Rabbit, journal: Journal) -> None:
    """A queue that takes no more by its bound keeps what it holds; it is left out until there is room."""
    bus, recorder = await make_rabbit(replace_after=0.0), Recorder()
    answers, ask = list[Answer](), bus._quarantine._ask

    async def kept(wakeup: Publication) -> Answer:
        answers.append(await ask(wakeup))
        return answers[-1]

    bus._quarantine._ask = kept
    bound = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    with admin(node.url) as channel:
        channel.queue_declare(bus._settings.queue("xmccb"), durable=True, arguments=bound)
    await bus.declare(["xmccb"])
    confirmed: set[int] = set()
    while not bus.state().full:
        confirmed |= await bus.publish([publication(len(confirmed))])
    await eventually(lambda: len(answers) > 2)
    assert set(answers) == {Answer.FULL}
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await recorder.has_seen(confirmed)
    await eventually(lambda: not bus.state().full)
    assert journal.events["bus.queue_replaced"] == 0
