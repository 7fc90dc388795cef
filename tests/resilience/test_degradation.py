"""What fails beside the gateway makes it slower or refuse; it loses nothing and comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.core.delivery import State
from gateway.ports import Query
from tests.harness.gateway import Founded, Gateway, on_database, run_gateway
from tests.harness.postgres import Postgres, create_database
from tests.harness.proxy import Proxy
from tests.harness.services import private_postgres
from tests.protocol.caller import Answer, Caller, encode
from tests.protocol.recipient import Recipient
from tests.protocol.steps import eventually
from tests.resilience.institutions import Sluice, ask, banks

OURS = pytest.mark.xdist_group("private-postgres")


async def test_messages_are_accepted_while_the_broker_is_away(
    founded: Founded, servers: dict[str, str], tmp_path: Path
):
    """Accepting does not notice; no attempt is spent; what waited flows when the broker is back."""
    parts = urlsplit(servers["BUS"])
    with Proxy(parts.port or 5672, parts.hostname or "127.0.0.1") as proxy:
        way = servers["BUS"].replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
        async with (
            run_gateway(founded, tmp_path, **{**servers, "BUS": way}) as gateway,
            banks(gateway, "well") as [well],
        ):
            await ask(gateway, "well", 1, prefix="before")
            await gateway.deliver()
            proxy.cut()
            await eventually(lambda: not gateway.parts.bus.state().connected)
            await ask(gateway, "well", 20)
            assert not await gateway.parts.relay._step()
            shown = await gateway.store.find(Query(recipient="well", state=State.ACCEPTED))
            assert [len(view.attempts) for view in shown] == [0] * 20
            proxy.restore()
            await eventually(lambda: gateway.parts.bus.state().connected)
            await eventually(lambda: not gateway.parts.bus.state().silent)
            await gateway.turn()
            await well.has(21)
            assert len({push.event["id"] for push in well.pushes}) == 21


async def test_wakeups_lost_with_their_queue_are_published_again_at_once(founded: Founded, tmp_path: Path):
    """What was published to a recipient whose queue was made anew does not wait for the sweep of lost wake-ups."""
    async with run_gateway(founded, tmp_path) as gateway, banks(gateway, "well", "other") as [well, other]:
        bus = gateway.lose(1.0)
        await ask(gateway, "well", 3)
        await ask(gateway, "other", 1)
        await gateway.turn()
        bus.lost = 0.0
        await gateway.deliver()
        assert (len(well.pushes), len(other.pushes)) == (0, 0)
        bus.emptied = frozenset({"well"})
        await gateway.deliver()
        assert (len(well.pushes), len(other.pushes)) == (3, 0)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL server that these tests may stop."""
    with private_postgres() as server:
        yield server


@pytest.fixture
def postgres_name(own_server: Postgres, founded: Founded) -> str:
    """URL of a database of the test's own on that server, with every party."""
    url = create_database(own_server.url)
    on_database(founded, {"WGG_DATABASE": url})
    return url


def save(caller: Caller, number: str) -> bytes:
    return encode(caller.event("guarantee.application.v1", f"DD-{number}", id=number, recipient="well"))


async def post_all(caller: Caller, bodies: list[bytes]) -> list[Answer]:
    return await asyncio.gather(*(caller.post(body) for body in bodies))


async def is_up(gateway: Gateway) -> None:
    """Return when the store answers again."""
    async with asyncio.timeout(20):
        while (await Caller(gateway, "platform", "platform").get("/v1/mailbox")).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@OURS
async def test_a_database_that_dies_is_503_and_leaves_nothing_half_done(
    founded: Founded, own_server: Postgres, postgres_name: str, tmp_path: Path
):
    """Each answer of the crash is 202 or 503; afterwards every 202 is known, and every message is sent once."""
    async with run_gateway(founded, tmp_path, DATABASE=postgres_name) as gateway, banks(gateway, "well") as [well]:
        platform = Caller(gateway, "platform", "platform")
        bodies = [save(platform, f"m-{number}") for number in range(60)]
        crash = asyncio.create_task(post_all(platform, bodies))
        await asyncio.to_thread(own_server.kill)
        first = await crash
        assert {answer.status for answer in first} <= {202, 503}
        refused = await platform.post(save(platform, "late"))
        assert (refused.status, refused.code, refused.signed) == (503, "UNAVAILABLE", True)
        assert int(refused.headers["retry-after"]) >= 1
        await asyncio.to_thread(own_server.start)
        await is_up(gateway)
        again = await post_all(platform, bodies)
        assert {answer.status for answer in again} <= {200, 202}
        for before, after in zip(first, again, strict=True):
            assert before.status == 503 or (after.status, after.body) == (200, before.body)
        await gateway.deliver()
        assert arrived(well) == sorted(f"m-{number}" for number in range(60))
        assert [answer.status for answer in await post_all(platform, [save(platform, "late")])] == [202]


@OURS
async def test_a_receipt_that_the_database_missed_is_recorded_when_it_is_back(
    founded: Founded, own_server: Postgres, postgres_name: str, tmp_path: Path
):
    """The push was answered while the database was away: the worker keeps the receipt and asks again, never pushes."""
    sluice = Sluice()
    async with run_gateway(founded, tmp_path, DATABASE=postgres_name) as gateway, banks(gateway, "well") as [well]:
        sluice.attach(well)
        await ask(gateway, "well", 1)
        await gateway.turn()
        await sluice.holds(1)
        await asyncio.to_thread(own_server.kill)
        sluice.let(1)
        await eventually(lambda: gateway.clock.sleepers > 0)
        await asyncio.to_thread(own_server.start)
        await is_up(gateway)
        gateway.clock.advance(1)
        await gateway.parts.bus.idle()
        assert len(await gateway.store.find_ids(Query(recipient="well", state=State.DELIVERED))) == 1
        assert arrived(well) == ["m-well-0"]


def arrived(recipient: Recipient) -> list[str]:
    return sorted(push.event["id"] for push in recipient.pushes)
