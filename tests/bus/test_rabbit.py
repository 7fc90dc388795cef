"""The RabbitMQ backend beside a broker that works: topology, returns, strangers, silent consumers, uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
import uvloop

from gateway.bus.publisher import Publisher
from gateway.bus.rabbit import RabbitBus
from gateway.bus.settings import silence
from gateway.bus.window import ConfirmWindow
from tests.bus.admin import admin
from tests.bus.conftest import MakeRabbit, rabbit_settings
from tests.bus.support import Journal, Recorder, count_becomes, eventually, publication
from tests.harness.rabbit import Rabbit


def _names(bus: RabbitBus) -> tuple[str, str]:
    return bus._settings.exchange, bus._settings.queue("xmccb")


async def test_a_message_carries_what_the_contract_says(make_rabbit: MakeRabbit, node: Rabbit) -> None:
    """On the wire a wake-up is persistent, routed by recipient and type, and carries its CloudEvents attributes."""
    bus = await make_rabbit()
    exchange, queue = _names(bus)
    await bus.publish([publication(5)])
    with admin(node.url) as channel:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
    assert (method.exchange, method.routing_key) == (exchange, "xmccb.guarantee.issued.v1")
    assert (properties.content_type, properties.delivery_mode) == ("application/cloudevents+json", 2)
    assert (properties.message_id, properties.type) == ("m-5", "guarantee.issued.v1")
    properties.headers.pop("x-delivery-count")  # the broker's own
    assert properties.headers == {**publication(5).headers, "gzbzj-delivery": 5}
    assert body == publication(5).body


async def test_a_queue_that_vanished_is_made_again(make_rabbit: MakeRabbit, node: Rabbit) -> None:
    """A wake-up that the broker returns as unroutable has its queue declared and is confirmed by the second try."""
    bus = await make_rabbit()
    await bus.declare(["xmccb"])
    with admin(node.url) as channel:
        channel.queue_delete(_names(bus)[1])
    assert await bus.publish([publication(n) for n in range(300)]) == frozenset(range(300))
    assert await bus.depth("xmccb") == 300


async def test_an_unroutable_wakeup_is_not_confirmed(node: Rabbit) -> None:
    """A wake-up whose queue cannot be made is acknowledged by the broker, not confirmed by us, and told of."""

    async def no_queue(_recipients: Collection[str]) -> frozenset[str]:
        return frozenset()

    told: list[int] = []
    publisher = Publisher(
        rabbit_settings(node.url),
        declare=no_queue,
        dumb=lambda wakeup, _seconds: told.append(wakeup.delivery_id),
        log=silence,
    )
    publisher.link.start()
    await eventually(lambda: publisher.link.up)
    assert await publisher.publish([publication(1), publication(2)]) == frozenset()
    await publisher.link.stop()
    assert told == [1]


async def test_one_overdue_confirm_does_not_end_the_connection(
    make_rabbit: MakeRabbit, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one queue's confirm stays out and others come, only that wake-up is unknown and the connection stays."""
    settled = ConfirmWindow._tags

    def all_but_the_first(window: ConfirmWindow, tag: int, *, multiple: bool) -> list[int]:
        return [each for each in settled(window, tag, multiple=multiple) if each != 1]

    monkeypatch.setattr(ConfirmWindow, "_tags", all_but_the_first)
    bus = await make_rabbit(publish_timeout=0.5)
    await bus.declare(["xmccb"])
    assert await bus.publish([publication(n) for n in (1, 2, 3)]) == {2, 3}
    assert await bus.publish([publication(4)]) == {4}
    assert (journal.events["bus.publish_timeout"], journal.events["bus.connected:publish"]) == (1, 1)


async def test_a_vanished_exchange_is_made_again(make_rabbit: MakeRabbit, node: Rabbit, journal: Journal) -> None:
    """A publishing channel that the broker closes costs that batch its confirms and is opened anew."""
    bus = await make_rabbit()
    with admin(node.url) as channel:
        channel.exchange_delete(_names(bus)[0])
    assert await bus.publish([publication(1)]) == frozenset()
    await eventually(lambda: journal.events["bus.connected:publish"] == 2 and bus.state().connected)
    assert await bus.publish([publication(1)]) == {1}


async def test_a_wakeup_that_amqp_cannot_carry_does_not_hold_up_the_rest(
    make_rabbit: MakeRabbit, journal: Journal
) -> None:
    """A publication whose names are too long for AMQP is left out; its batch goes through."""
    bus = await make_rabbit()
    assert await bus.publish([publication(1), publication(2, "x" * 300), publication(3)]) == {1, 3}
    assert journal.events["bus.unpublishable"] == 1


async def test_a_foreign_message_goes_to_the_dead_letters(make_rabbit: MakeRabbit, node: Rabbit) -> None:
    """A message that names no delivery is refused, and the consumer goes on."""
    bus, recorder = await make_rabbit(), Recorder()
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    with admin(node.url) as channel:
        channel.basic_publish(_names(bus)[0], "xmccb.stray", b"?")
    await bus.publish([publication(1)])
    await recorder.has_seen([1])
    await count_becomes(bus.dead_depth, 1)


async def test_a_queue_declared_otherwise_is_used_as_it_is(
    make_rabbit: MakeRabbit, node: Rabbit, journal: Journal
) -> None:
    """A queue with other arguments is reported, carries its wake-ups, and harms no other recipient."""
    bus, recorder = await make_rabbit(), Recorder()
    with admin(node.url) as channel:
        channel.queue_declare(_names(bus)[1], durable=True)
    await bus.declare(["xmccb", "xmins"])
    assert journal.events["bus.queue_mismatch"] == 1
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    assert await bus.publish([publication(1), publication(2, "xmins")]) == {1, 2}
    await recorder.has_seen([1])


async def test_a_consumer_that_the_broker_cancelled_comes_back(
    make_rabbit: MakeRabbit, node: Rabbit, journal: Journal
) -> None:
    """When its queue is deleted the consumer is back at once, with the queue, without waiting for the supervisor."""
    bus, recorder = await make_rabbit(), Recorder()
    await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await eventually(lambda: not bus.state().silent)
    with admin(node.url) as channel:
        channel.queue_delete(_names(bus)[1])
    await eventually(lambda: journal.events["bus.connected:consume-xmccb"] == 2)
    assert await bus.publish([publication(1)]) == {1}
    await recorder.has_seen([1])


async def test_a_consumer_that_fell_silent_is_noticed(make_rabbit: MakeRabbit, journal: Journal) -> None:
    """A channel that claims to consume while the broker knows no consumer is found by the supervisor and renewed."""
    bus, recorder = await make_rabbit(), Recorder()
    subscription = await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await eventually(lambda: subscription.consuming)
    raw = subscription._channel.raw
    gone = asyncio.Event()
    raw.basic_cancel(subscription._tag, callback=lambda _frame: gone.set())
    await gone.wait()
    await bus.publish([publication(1)])
    assert (subscription.consuming, recorder.begun) == (True, [])
    await bus.supervise()
    await recorder.has_seen([1])
    assert journal.events["bus.consumer_silent"] == 1


async def test_a_healthy_consumer_is_left_alone(make_rabbit: MakeRabbit, journal: Journal) -> None:
    """The supervisor does not touch a consumer that the broker knows."""
    bus = await make_rabbit(supervise_every=0.01)
    subscription = await bus.subscribe("xmccb", prefetch=1, handle=Recorder())
    await eventually(lambda: subscription.consuming)
    tag = subscription._tag
    for _ in range(3):
        await bus.supervise()
    assert (subscription._tag, journal.events["bus.consumer_silent"]) == (tag, 0)


async def test_a_consumer_whose_channel_was_closed_comes_back(make_rabbit: MakeRabbit, journal: Journal) -> None:
    """A channel that the broker closes for a protocol error is replaced; its unacknowledged wake-up comes again."""
    bus, recorder = await make_rabbit(), Recorder()
    recorder.gate.clear()
    subscription = await bus.subscribe("xmccb", prefetch=1, handle=recorder)
    await bus.publish([publication(1)])
    await recorder.has_begun(1)
    subscription._channel.raw.basic_ack(delivery_tag=999)
    await eventually(lambda: journal.events["bus.connected:consume-xmccb"] == 2)
    recorder.gate.set()
    await eventually(lambda: len(recorder.finished) == 2)
    assert [wakeup.redelivered for wakeup in recorder.finished] == [False, True]


def test_it_runs_on_uvloop(node: Rabbit) -> None:
    """The same bus publishes, consumes and comes back on uvloop."""

    async def run() -> list[int]:
        bus, recorder = RabbitBus(rabbit_settings(node.url)), Recorder()
        await bus.start()
        await eventually(lambda: bus.state().connected)
        await bus.subscribe("xmccb", prefetch=50, handle=recorder)
        first = await bus.publish([publication(n) for n in range(500)])
        await recorder.has_seen(first)
        for link in (bus._topology.link, bus._publisher.link, bus._consumers[0].link):
            link.abort("as the test wants it")
        await eventually(lambda: bus.state().connected)
        second = await bus.publish([publication(n) for n in range(500, 1000)])
        await recorder.has_seen(second)
        await bus.stop()
        return recorder.ids

    assert set(uvloop.run(run())) == set(range(1000))


def test_an_unusable_url_is_refused_when_the_bus_is_made() -> None:
    """A mistake in the bus's URL shows at once, not as a broker that never comes."""
    with pytest.raises(ValueError, match="amqp"):
        RabbitBus(rabbit_settings("http://127.0.0.1:1/"))
