from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.simulator import Institution, InstitutionOptions, KeyIdentity, Options, PlatformSimulator
from tests.simulator.fake import FakeGateway, QuickClock, fake_gateway

Bank = Callable[..., AbstractAsyncContextManager[Institution]]


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    async with fake_gateway() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def bank(gateway: FakeGateway, ledger: Path) -> Bank:
    """Runs the bank xmccb, pushed unless `port=None`; may be run several times over one ledger."""

    @asynccontextmanager
    async def running(**changes: Any) -> AsyncIterator[Institution]:
        identity = KeyIdentity("xmccb", gateway.keys["xmccb"])
        fields = {"port": 0, "pinned": (gateway.public,), **changes}
        options = InstitutionOptions(identity=identity, gateway=gateway.url, ledger=ledger, **fields)
        institution = Institution(options, QuickClock())
        try:
            await institution.start()
            yield institution
        finally:
            await institution.stop()

    return running


@pytest.fixture
async def platform(gateway: FakeGateway, ledger: Path) -> AsyncIterator[PlatformSimulator]:
    options = Options(
        identity=KeyIdentity("platform", gateway.keys["platform"]),
        gateway=gateway.url,
        ledger=ledger,
        pinned=(gateway.public,),
    )
    simulator = PlatformSimulator(options, QuickClock())
    await simulator.start()
    yield simulator
    await simulator.stop()
