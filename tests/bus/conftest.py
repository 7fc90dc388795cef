from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from gateway.bus import LocalBus, LocalSettings, RabbitSettings
from gateway.bus.rabbit import RabbitBus
from gateway.ports import Bus
from gateway.retrying import Backoff
from tests.bus.support import Journal, eventually
from tests.harness.proxy import Proxy
from tests.harness.rabbit import Rabbit
from tests.harness.services import private_rabbit

MakeRabbit = Callable[..., Awaitable[RabbitBus]]


def rabbit_settings(url: str, **changes: Any) -> RabbitSettings:
    """Settings with names of their own and waits fit for a test."""
    quick = {
        "prefix": f"t{uuid.uuid4().hex[:8]}",
        "reject_pause": 0.0,
        "publish_timeout": 2.0,
        "connect_timeout": 2.0,
        "call_timeout": 2.0,
        "backoff": Backoff(first=0.02, longest=0.1),
        "supervise_every": 3600.0,  # tests call `supervise` themselves
    }
    return RabbitSettings(url=url, **(quick | changes))


@pytest.fixture(params=["local", "rabbit"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """A started bus of each backend, with a delivery limit of 3."""
    made: Bus
    if request.param == "local":
        made = LocalBus(LocalSettings(delivery_limit=3, reject_pause=0.0))
    else:
        made = RabbitBus(rabbit_settings(request.getfixturevalue("amqp_url"), delivery_limit=3))
    await made.start()
    await eventually(lambda: made.state().connected)
    yield made
    await made.stop()


@pytest.fixture(scope="session")
def node() -> Iterator[Rabbit]:
    """A RabbitMQ node that tests may kill, reset and block."""
    with private_rabbit() as own:
        yield own


@pytest.fixture
def proxy(node: Rabbit) -> Iterator[Proxy]:
    """A proxy before that node."""
    with Proxy(node.port) as between:
        yield between


@pytest.fixture
def journal() -> Journal:
    """The events of the test's bus."""
    return Journal()


@pytest.fixture
async def make_rabbit(proxy: Proxy, journal: Journal) -> AsyncIterator[MakeRabbit]:
    """Start a bus that reaches the node through the proxy; it is connected unless `wait=False`."""
    made: list[RabbitBus] = []

    async def make(*, wait: bool = True, **changes: Any) -> RabbitBus:
        url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F"
        bus = RabbitBus(rabbit_settings(url, **changes), log=journal)
        made.append(bus)
        await bus.start()
        if wait:
            await eventually(lambda: bus.state().connected)
        return bus

    yield make
    proxy.restore()
    for bus in made:
        await bus.stop()
