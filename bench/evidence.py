"""(g) Evidence: the CPU time of sealing a leaf, and how long a bundle of 200 messages with their receipts takes.

CPU time, for sealing runs beside accepting on the same cores and takes from it what it uses.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.bootstrap.evidence import Wish, export_bundle
from gateway.core.evidence.holdings import Scope
from gateway.evidence.verification import verify_bundle
from gateway.ports import Audit
from tests.harness.gateway import Gateway, found, run_gateway
from tests.protocol.caller import Caller
from tests.protocol.steps import bring

PAIRS = 100
ORDER = "DD-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Microseconds of CPU for sealing one of `leaves` leaves; seconds and bytes of one bundle."""

    seal_us: float
    leaves: int
    export_s: float
    verify_s: float
    messages: int
    size: int


def measure() -> Measured:
    """An order with an application and PAIRS of inspections and their answers, all receipted."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> Measured:
    async with run_gateway(await asyncio.to_thread(found, folder / "founded"), folder) as gateway:
        messages = await _talk(gateway)
        leaves = (await gateway.store.chain_status()).behind
        started = time.process_time()
        await gateway.parts.sealer.catch_up()
        sealed = time.process_time() - started
        return await _bundle(gateway, folder, messages=messages, leaves=leaves, sealed=sealed)


async def _talk(gateway: Gateway) -> int:
    platform, bank = Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")
    await _post(platform, platform.event("guarantee.application.v1", ORDER, id="a-1"))
    for number in range(PAIRS):
        asked = platform.event("inspection.request.v1", ORDER, id=f"q-{number}")
        await _post(platform, asked)
        told = bank.event("inspection.response.v1", ORDER, id=f"r-{number}", correlationid=asked["id"])
        await _post(bank, told)
        for caller in (bank, platform):
            for waiting in await caller.mailbox():
                assert (await bring(caller, waiting)).status == 200
    return 1 + 2 * PAIRS


async def _post(caller: Caller, event: dict[str, object]) -> None:
    answer = await caller.post(event)
    assert answer.status == 202, answer.body


async def _bundle(gateway: Gateway, folder: Path, *, messages: int, leaves: int, sealed: float) -> Measured:
    audit = Audit(actor="bench", action="evidence.export", about=ORDER, reason="bench")
    wish = Wish(scope=Scope(kind="order", value=ORDER), audit=audit, clock=gateway.clock, forms=None)
    started = time.perf_counter()
    data = await export_bundle(gateway.settings, wish)
    exported = time.perf_counter() - started
    path = folder / "bundle.zip"
    path.write_bytes(data)
    started = time.perf_counter()
    assert verify_bundle(path).holds
    return Measured(
        seal_us=sealed / leaves * 1e6,
        leaves=leaves,
        export_s=exported,
        verify_s=time.perf_counter() - started,
        messages=messages,
        size=len(data),
    )
