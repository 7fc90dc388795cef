from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.forms.printing import Medium
from tests.evidence.story import CASE, Exported, export, live
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


@pytest.fixture(scope="session")
def exported(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A bundle of a case whose order has lived, and the first key of its gateway; made once, in a loop of its own."""

    async def make() -> Exported:
        async with run_gateway(founded, tmp_path_factory.mktemp("exporting")) as running:
            await live(running)
            data = await export(running, "case", CASE, forms=Medium.HTML)
            return Exported(data, running.keys["gateway"])

    with ThreadPoolExecutor(1) as apart:
        return apart.submit(lambda: asyncio.run(make())).result()
