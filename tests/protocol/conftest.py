from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.harness.gateway import Founded, Gateway, found, on_database, run_gateway
from tests.harness.postgres import create_database, drop_database
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Recipient
from tests.protocol.steps import parties


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """A home with every party, to be copied."""
    return found(tmp_path_factory.mktemp("founded") / "home")


@pytest.fixture(scope="session")
def founded_database(postgres_server: str, founded: Founded) -> Iterator[str]:
    """Name of a PostgreSQL database with every party, to be copied."""
    url = create_database(postgres_server)
    on_database(founded, {"WGG_DATABASE": url})
    yield url.rpartition("/")[2]
    drop_database(url, server_url=postgres_server)


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings that name a PostgreSQL database of the test's own, and queues of its own on RabbitMQ."""
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("founded_database")
    url = create_database(server, template=template)
    prefix = f"p{uuid.uuid4().hex[:8]}"
    yield {"DATABASE": url, "BUS": request.getfixturevalue("amqp_url"), "BUS_OPTIONS__PREFIX": prefix}
    drop_database(url, server_url=server)


@pytest.fixture
async def gateway(founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The embedded default: SQLite and the local bus."""
    async with run_gateway(founded, tmp_path) as running:
        yield running


@pytest.fixture(params=["embedded", "servers"])
async def either(request: pytest.FixtureRequest, founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The same test on SQLite with the local bus and on PostgreSQL with RabbitMQ."""
    env = request.getfixturevalue("servers") if request.param == "servers" else {}
    async with run_gateway(founded, tmp_path, **env) as running:
        yield running


@pytest.fixture
def platform(gateway: Gateway) -> Caller:
    return Caller(gateway, "platform", "platform")


@pytest.fixture
def bank(gateway: Gateway) -> Caller:
    return Caller(gateway, "xmccb", "xmccb")


@pytest.fixture
def insurer(gateway: Gateway) -> Caller:
    return Caller(gateway, "picc", "picc")


@pytest.fixture
async def recipient(founded: Founded) -> AsyncIterator[Recipient]:
    """The bank's own server."""
    async with Recipient("xmccb", founded.keys).serving() as running:
        yield running


@pytest.fixture
async def hardy(gateway: Gateway) -> AsyncIterator[Caller]:
    """The platform's client; afterwards the gateway is asked whether anything broke, and must accept a good message."""
    platform, bank = parties(gateway)
    yield platform
    event = platform.event("guarantee.application.v1", f"DD-{secrets.token_hex(8)}")
    assert (await platform.post(event)).status == 202
    listed, after = [], "0"
    while page := await bank.mailbox(f"?limit=100&after={after}"):
        listed += page
        after = page[-1]["deliveryId"]
    assert listed[-1]["body"].encode() == encode(event)
    assert [
        fields for fields in gateway.log.named("http.refused") if fields["code"] in {"INTERNAL", "UNAVAILABLE"}
    ] == []
