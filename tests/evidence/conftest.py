from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.gateway import Founded, Gateway, found, run_gateway


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """A home on SQLite with its parties, made once."""
    return found(tmp_path_factory.mktemp("evidence") / "home")


@pytest.fixture
async def gateway(founded: Founded, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A running gateway of the test's own."""
    async with run_gateway(founded, tmp_path) as running:
        yield running
