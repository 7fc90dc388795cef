"""What every backend of the bus promises."""

from __future__ import annotations

import asyncio

from gateway.ports import Bus, Wakeup
from tests.bus.support import Recorder, count_becomes, eventually, publication


async def test_a_confirmed_wakeup_reaches_its_handler_once(bus: Bus) -> None:
    """A published wake-up is confirmed by its id, handled, acknowledged, and then gone."""
    recorder = Recorder()
    subscription = await bus.subscribe("xmccb", prefetch=10, handle=recorder)
    assert await bus.publish([publication(1)]) == {1}
    await recorder.has_seen([1])
    await subscription.cancel()
    assert recorder.ids == [1]
    assert await bus.depth("xmccb") == 0


async def test_a_wakeup_names_its_row_and_nothing_else(bus: Bus) -> None:
    """Delivery id and recipient of a wake-up are those of its publication; its bytes are not kept in hand."""
    recorder = Recorder()
    sent = publication(7, size=300_000)
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await bus.publish([sent])
    await recorder.has_seen([7])
    got = recorder.finished[0]
    assert got == Wakeup(delivery_id=7, recipient="xmccb", redelivered=False)


async def test_one_at_a_time_keeps_the_order(bus: Bus) -> None:
    """With a prefetch of 1 a recipient's wake-ups are handled in the order of their publishing."""
    recorder = Recorder()
    assert len(await bus.publish([publication(n) for n in range(100)])) == 100
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await recorder.has_seen(range(100))
    assert recorder.ids == list(range(100))
    assert recorder.most == 1


async def test_recipients_do_not_see_each_other(bus: Bus) -> None:
    """A wake-up reaches the consumer of its own recipient only, also when one id begins with another."""
    bank, branch = Recorder(), Recorder()
    await bus.subscribe("xmccb", prefetch=5, handle=bank)
    await bus.subscribe("xmccb-2", prefetch=5, handle=branch)
    assert await bus.publish([publication(1, "xmccb"), publication(2, "xmccb-2")]) == {1, 2}
    await bank.has_seen([1])
    await branch.has_seen([2])
    assert (bank.ids, branch.ids) == ([1], [2])


async def test_two_consumers_share_a_queue(bus: Bus) -> None:
    """Each wake-up goes to one of two consumers, and both get some."""
    first, second = Recorder(), Recorder()
    first.gate.clear()
    second.gate.clear()
    await bus.subscribe("xmccb", prefetch=5, handle=first)
    await bus.subscribe("xmccb", prefetch=5, handle=second)
    await bus.publish([publication(n) for n in range(10)])
    await first.has_begun(5)
    await second.has_begun(5)
    first.gate.set()
    second.gate.set()
    await eventually(lambda: len(first.ids + second.ids) == 10)
    assert sorted(first.ids + second.ids) == list(range(10))


async def test_a_failed_wakeup_comes_again(bus: Bus) -> None:
    """A handler that raises gets its wake-up once more, marked as redelivered."""
    recorder = Recorder(failures=1)
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await bus.publish([publication(1)])
    await recorder.has_seen([1])
    assert [wakeup.redelivered for wakeup in recorder.begun] == [False, True]


async def test_a_wakeup_that_always_fails_is_given_up(bus: Bus) -> None:
    """After the delivery limit a wake-up goes to the dead letters, and the queue moves on."""
    recorder = Recorder(failures=4)
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    assert await bus.dead_depth() == 0
    await bus.publish([publication(1), publication(2)])
    await recorder.has_seen([2])
    assert [wakeup.delivery_id for wakeup in recorder.begun] == [1, 1, 1, 1, 2]
    await count_becomes(bus.dead_depth, 1)


async def test_no_more_than_the_prefetch_are_in_hand(bus: Bus) -> None:
    """A consumer holds at most its prefetch; the rest stays ready for others."""
    recorder = Recorder()
    recorder.gate.clear()
    await bus.subscribe("xmccb", prefetch=3, handle=recorder)
    await bus.publish([publication(n) for n in range(10)])
    await recorder.has_begun(3)
    assert await bus.depth("xmccb") == 7
    recorder.gate.set()
    await recorder.has_seen(range(10))
    assert recorder.most == 3


async def test_cancel_waits_for_those_under_way(bus: Bus) -> None:
    """A cancelled consumer finishes and acknowledges what it holds and leaves the rest in the queue."""
    recorder = Recorder()
    recorder.gate.clear()
    subscription = await bus.subscribe("xmccb", prefetch=2, handle=recorder)
    await bus.publish([publication(n) for n in range(5)])
    await recorder.has_begun(2)
    leaving = asyncio.create_task(subscription.cancel())
    assert not (await asyncio.wait([leaving], timeout=0.05))[0]
    recorder.gate.set()
    await leaving
    assert recorder.ids == [0, 1]
    await count_becomes(lambda: bus.depth("xmccb"), 3)


async def test_what_a_cancelled_consumer_left_goes_to_the_next(bus: Bus) -> None:
    """A later consumer of the queue gets what an earlier one left, and nothing that it acknowledged."""
    first, second = Recorder(), Recorder()
    subscription = await bus.subscribe("xmccb", prefetch=2, handle=first)
    await bus.publish([publication(1)])
    await first.has_seen([1])
    await subscription.cancel()
    await bus.publish([publication(2)])
    await bus.subscribe("xmccb", prefetch=2, handle=second)
    await second.has_seen([2])
    assert (first.ids, second.ids) == ([1], [2])


async def test_depth_counts_what_is_ready(bus: Bus) -> None:
    """The depth is None without a queue, 0 for an empty one, then the number of waiting wake-ups."""
    assert await bus.depth("xmccb") is None
    await bus.declare(["xmccb"])
    assert await bus.depth("xmccb") == 0
    await bus.publish([publication(n) for n in range(4)])
    assert await bus.depth("xmccb") == 4


async def test_declaring_again_changes_nothing(bus: Bus) -> None:
    """A queue that is declared a second time keeps its wake-ups."""
    await bus.declare(["xmccb", "xmins"])
    await bus.publish([publication(1)])
    await bus.declare(["xmccb", "xmins"])
    assert (await bus.depth("xmccb"), await bus.depth("xmins")) == (1, 0)


async def test_a_recipient_never_declared_gets_its_queue(bus: Bus) -> None:
    """A wake-up for a recipient without a queue is confirmed, and waits in the queue made for it."""
    assert await bus.publish([publication(1, "fresh"), publication(2, "other")]) == {1, 2}
    assert (await bus.depth("fresh"), await bus.depth("other")) == (1, 1)


async def test_two_thousand_pass_through_the_window(bus: Bus) -> None:
    """Batches larger than the window, published side by side, are all confirmed and all handled."""
    recorder = Recorder()
    await bus.subscribe("xmccb", prefetch=200, handle=recorder)
    batches = [[publication(n) for n in range(start, start + 500)] for start in range(0, 2000, 500)]
    confirmed = await asyncio.gather(*(bus.publish(batch) for batch in batches))
    assert frozenset().union(*confirmed) == frozenset(range(2000))
    await recorder.has_seen(range(2000))
    assert sorted(recorder.ids) == list(range(2000))


async def test_an_empty_batch_is_nothing(bus: Bus) -> None:
    """Publishing nothing confirms nothing."""
    assert await bus.publish([]) == frozenset()


async def test_a_healthy_bus_says_so(bus: Bus) -> None:
    """A connected bus with all its consumers is neither blocked nor silent."""
    await bus.subscribe("xmccb", prefetch=1, handle=Recorder())
    await eventually(lambda: not bus.state().silent)
    state = bus.state()
    assert (state.connected, state.blocked, tuple(state.silent)) == (True, False, ())


async def test_a_stopped_bus_confirms_nothing(bus: Bus) -> None:
    """After stop the bus is not connected and confirms nothing; handlers under way are cut."""
    recorder = Recorder()
    recorder.gate.clear()
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await bus.publish([publication(1)])
    await recorder.has_begun(1)
    await bus.stop()
    assert (recorder.running, recorder.ids) == (0, [])
    assert not bus.state().connected
    assert await bus.publish([publication(2)]) == frozenset()
