"""What happens before a bundle is exported: orders, receipts, a refusal, a key that ends, blocks between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from gateway.bootstrap.evidence import Wish, export_bundle
from gateway.bootstrap.homes import new_key
from gateway.core.evidence.holdings import Scope
from gateway.core.party import GATEWAY, KeyStatus
from gateway.crypto.keys import PrivateKey
from gateway.forms.printing import Medium
from gateway.ports import Audit
from tests.harness.gateway import AUDIT, Gateway
from tests.protocol.caller import Caller
from tests.protocol.steps import bring, parties

CASE = "AJ350200670168570491"
"""The case that the example of an application of DD-1 names."""

EXPORT = Audit(actor="clerk", action="evidence.export", about="test", reason="court")


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle's bytes with the key that a reader trusts."""

    data: bytes
    key: PrivateKey


async def receipt_all(caller: Caller, **fields: str) -> None:
    """The caller's receipts for all that waits for it."""
    for waiting in await caller.mailbox():
        assert (await bring(caller, waiting, **fields)).status == 200


async def live(gateway: Gateway) -> None:
    """An order from its application to its acceptance, one refusal, and another order of another case."""
    platform, bank = parties(gateway)
    await seal(gateway)
    for subject in ("DD-1", "DD-2"):
        event = platform.event("guarantee.application.v1", subject, id=f"a-{subject}")
        assert (await platform.post(event)).status == 202
    filed = platform.event("deposit.notice.v1", CASE, id="n-1", recipient="gateway")
    assert (await platform.post(filed)).status == 202
    await receipt_all(bank)
    await seal(gateway)
    await rotate(gateway)
    gateway.clock.advance(60)
    told = bank.event("order.status.v1", "DD-1", id="s-1", variant="rejected")
    assert (await bank.post(told)).status == 202
    assert (await bank.post({**told, "id": "s-2", "data": {}})).status == 422
    await receipt_all(platform)
    for _ in range(3):
        gateway.clock.advance(60)
        await gateway.change("picc", paused=True)
        await seal(gateway)


async def seal(gateway: Gateway) -> None:
    """One block of all that waits."""
    await gateway.parts.roster.refresh()
    await gateway.parts.sealer.catch_up()


async def rotate(gateway: Gateway) -> None:
    """A second key of the gateway is registered, takes over, and the first one retires."""
    gateway.clock.advance(600)
    fresh, now = gateway.keys["unknown"], gateway.clock.now()
    key = new_key(GATEWAY, fresh.public.to_pem(), fresh.serial_no, now=now)
    await gateway.store.add_key(key, now=now, audit=AUDIT)
    await seal(gateway)
    gateway.clock.advance(600)
    await asyncio.to_thread(Path(gateway.settings.key_file).write_text, fresh.to_pem())
    del gateway.parts.__dict__["key"], gateway.parts.__dict__["sealer"]
    old = gateway.keys["gateway"].serial_no
    await gateway.store.end_key(GATEWAY, old, KeyStatus.RETIRED, now=gateway.clock.now(), audit=AUDIT)
    await seal(gateway)


async def export(gateway: Gateway, kind: str = "order", value: str = "DD-1", *, forms: Medium | None = None) -> bytes:
    """The bytes of a bundle."""
    wish = Wish(scope=Scope(kind=kind, value=value), audit=EXPORT, clock=gateway.clock, forms=forms)
    return await export_bundle(gateway.settings, wish)
