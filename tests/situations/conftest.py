from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.harness.postgres import create_database, drop_database
from tests.protocol.conftest import founded, founded_database
from tests.situations.scene import Scene

__all__ = ["founded", "founded_database"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def both(request: pytest.FixtureRequest, founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The same test on SQLite and on PostgreSQL, with the local bus."""
    if request.param == "sqlite":
        async with run_gateway(founded, tmp_path) as running:
            yield running
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("founded_database")
    url = create_database(server, template=template)
    async with run_gateway(founded, tmp_path, DATABASE=url) as running:
        yield running
    drop_database(url, server_url=server)


@pytest.fixture
def scene(both: Gateway) -> Scene:
    """A case through the real accept path, on both databases."""
    return Scene(both)
