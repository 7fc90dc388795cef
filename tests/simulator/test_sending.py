"""The signed client, and the platform: sent until proven, awaited until it comes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from gateway.simulator import (
    GatewayClient,
    InstitutionOptions,
    KeyIdentity,
    PlatformSimulator,
    SystemClock,
    run_institution,
)
from gateway.simulator.ledger import Ledger
from gateway.simulator.sending import Sender, read_outgoing
from gateway.simulator.trust import Trust
from tests.simulator.fake import FakeGateway, QuickClock, digest, encode, entries, make_event


@pytest.mark.parametrize("faults", [[503], [503, 500, 429], ["unsigned"], ["forged"], ["forged", 503, "unsigned"]])
async def test_same_bytes_go_again_until_an_answer_proves_their_fate(
    gateway: FakeGateway, platform: PlatformSimulator, ledger: Path, faults: list[Any]
) -> None:
    """After 503, 500, 429 or an unproven answer the same bytes are sent with a fresh nonce, until one verifies."""
    gateway.faults.extend(faults)
    _, reply = await platform.send("payment.notice", "xmccb", "DD-1")
    assert (reply.status, reply.proven, reply.document["status"]) == (202, True, "ACCEPTED")
    assert len(gateway.bodies) == len(faults) + 1
    assert len(set(gateway.bodies)) == 1
    assert len(set(gateway.nonces)) == len(gateway.nonces)
    assert entries(ledger, "sent")[0]["verdict"] == "verified"


async def test_answer_that_never_verifies_is_reported_unproven(
    gateway: FakeGateway, platform: PlatformSimulator, ledger: Path
) -> None:
    """A gateway whose signature never verifies proves nothing: a few tries, then an unproven outcome in the ledger."""
    gateway.faults.extend(["forged"] * 100)
    _, reply = await platform.send("payment.notice", "xmccb", "DD-1")
    assert not reply.proven
    assert len(gateway.bodies) == 5
    assert "KEY_UNKNOWN" in entries(ledger, "sent")[0]["verdict"]


async def test_proven_refusal_ends_the_matter(gateway: FakeGateway, platform: PlatformSimulator, ledger: Path) -> None:
    """A refusal under the gateway's signature is final; the ledger has its code."""
    gateway.faults.append(409)
    _, reply = await platform.send("payment.notice", "xmccb", "DD-1")
    assert (reply.status, reply.proven, len(gateway.bodies)) == (409, True, 1)
    assert entries(ledger, "sent")[0]["httpStatus"] == 409


async def test_gateway_that_is_away_is_given_up_in_time(gateway: FakeGateway) -> None:
    """No answer at all is tried until the time is up, then told as no answer."""
    identity = KeyIdentity("xmccb", gateway.keys["xmccb"])
    client = GatewayClient(
        "http://127.0.0.1:1", identity, clock=QuickClock(), trust=Trust([gateway.public]), give_up_after=0.05
    )
    reply = await client.post_message(b"{}")
    await client.close()
    assert (reply.status, reply.proven) == (None, False)
    assert reply.error


async def test_stopping_ends_what_waits_and_what_it_waits_for(gateway: FakeGateway, tmp_path: Path) -> None:
    """Of two batches of one subject the first is on its way, the second waits behind it: neither outlives the stop."""
    identity = KeyIdentity("xmccb", gateway.keys["xmccb"])
    client = GatewayClient("http://127.0.0.1:1", identity, clock=SystemClock(), trust=Trust([gateway.public]))
    book = Ledger(tmp_path / "sent.jsonl")
    sender, before = Sender(client, book, SystemClock(), {}), asyncio.all_tasks()
    events = [read_outgoing(encode(make_event("order.status", source="xmccb", recipient="platform"))) for _ in range(2)]
    for event in events:
        sender.queue([event])
    assert len(asyncio.all_tasks() - before) == 2
    await sender.stop()
    assert asyncio.all_tasks() - before == set()
    await client.close()
    book.close()


async def test_platform_awaits_what_was_and_what_will_be(gateway: FakeGateway, platform: PlatformSimulator) -> None:
    """A message is found whether it came before the wait or during it; one that never comes is a timeout."""
    events = [
        make_event("order.status", source="xmccb", recipient="platform", id=f"S-{n}", variant="accepted")
        for n in (1, 2)
    ]
    waiting = asyncio.create_task(platform.await_message(lambda message: message.id == "S-2"))
    platform.client.trust.take({"keys": [gateway.entry("xmccb")]})
    for n, event in enumerate(events):
        body = encode(event)
        gateway.stand(f"d{n}", body, gateway.origin(body, signer="xmccb"))
    assert (await waiting).id == "S-2"
    assert (await platform.await_message(lambda message: message.id == "S-1")).id == "S-1"
    assert [message.id for message in platform.arrived] == ["S-1", "S-2"]
    with pytest.raises(TimeoutError):
        await platform.await_message(lambda message: message.id == "S-3", within=0.01)


async def test_what_is_sent_stands_in_the_ledger_first(
    gateway: FakeGateway, platform: PlatformSimulator, ledger: Path
) -> None:
    """The ledger has the message's bytes before its outcome, and the gateway's receipt number after."""
    envelope, _ = await platform.send("payment.notice", "xmccb", "DD-1", data={"noticeNo": "ZF-1"})
    outgoing, sent = entries(ledger, "outgoing")[0], entries(ledger, "sent")[0]
    assert digest(outgoing["body"].encode()) == digest(gateway.bodies[0])
    assert (sent["id"], sent["receiptNo"], envelope.data["noticeNo"]) == (envelope.id, "R1", "ZF-1")


async def test_sigterm_ends_an_institution_in_order(gateway: FakeGateway, ledger: Path) -> None:
    """SIGTERM stops a running institution, which returns instead of dying."""
    ready = asyncio.Event()
    identity = KeyIdentity("xmccb", gateway.keys["xmccb"])
    options = InstitutionOptions(
        identity=identity, gateway=gateway.url, ledger=ledger, port=0, pinned=(gateway.public,)
    )
    running = asyncio.create_task(run_institution(options, ready=lambda _: ready.set()))
    async with asyncio.timeout(20):
        await ready.wait()
        signal.raise_signal(signal.SIGTERM)
        await running
    assert running.exception() is None
