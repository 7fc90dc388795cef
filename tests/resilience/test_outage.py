"""An hour of outage on the test's clock: memory stays flat, and everything flows afterwards."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.core.delivery import State
from gateway.ports import Query
from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.harness.proxy import Proxy
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Recipient
from tests.protocol.steps import eventually
from tests.resilience.institutions import banks

WARM, MINUTES, EACH = 15, 60, 1
BODY, FLAT = 64 * 1024, 512 * 1024
"""Were one copy of each body of the measured minutes kept, the growth would be more than five times what is allowed."""


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    """Python's own account of its memory."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def minute(gateway: Gateway, number: int) -> None:
    """Some messages are accepted, time passes, and everybody works."""
    platform = Caller(gateway, "platform", "platform")
    for name in (f"m-{number}-{each}" for each in range(EACH)):
        event = platform.event("guarantee.application.v1", f"DD-{name}", id=name, recipient="sick")
        assert (await platform.post(encode(event).ljust(BODY))).status == 202
    gateway.clock.advance(60)
    await gateway.deliver()
    await gateway.parts.paces.report()
    gateway.log.events.clear()


async def grow(gateway: Gateway) -> int:
    """Bytes that the process holds more at the end of the hour than after its first minutes."""
    levels = []
    for number in range(MINUTES):
        await minute(gateway, number)
        if number in (WARM, MINUTES - 1):
            gc.collect()
            levels.append(tracemalloc.get_traced_memory()[0])
    return levels[-1] - levels[0]


async def check_recovery(gateway: Gateway, sick: Recipient) -> None:
    """Every message of the hour arrives once the institution answers."""
    for _ in range(4):
        gateway.clock.advance(3600)
        await gateway.deliver()
    delivered = await gateway.store.find_ids(Query(recipient="sick", state=State.DELIVERED, limit=None))
    assert len(delivered) == MINUTES * EACH
    assert {push.event["id"] for push in sick.pushes} == {
        f"m-{n}-{each}" for n in range(MINUTES) for each in range(EACH)
    }


async def test_an_institution_that_is_away_costs_no_memory(gateway: Gateway):
    """Attempt after attempt fails, and nothing of them stays in the process."""
    async with banks(gateway, "sick") as [sick]:
        await gateway.change("sick", endpoint="http://127.0.0.1:9/")
        assert await grow(gateway) < FLAT
        shown = await gateway.store.find(Query(recipient="sick", limit=None))
        assert {view.state for view in shown} == {State.DELIVERING}
        await gateway.change("sick", endpoint=sick.url())
        await check_recovery(gateway, sick)


async def test_a_broker_that_is_away_costs_no_memory(founded: Founded, servers: dict[str, str], tmp_path: Path):
    """What is accepted meanwhile lies in the database alone."""
    parts = urlsplit(servers["BUS"])
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(parts.port or 5672, parts.hostname or "127.0.0.1"))
        way = servers["BUS"].replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
        settings = {**servers, "BUS": way}
        async with run_gateway(founded, tmp_path, **settings) as gateway, banks(gateway, "sick") as [sick]:
            await gateway.deliver()
            proxy.cut()
            await eventually(lambda: not gateway.parts.bus.state().connected)
            assert await grow(gateway) < FLAT
            assert sick.pushes == []
            proxy.restore()
            await eventually(lambda: gateway.parts.bus.state().connected)
            await eventually(lambda: not gateway.parts.bus.state().silent)
            await check_recovery(gateway, sick)
