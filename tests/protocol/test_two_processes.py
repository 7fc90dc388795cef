"""Two processes over one database and one broker keep each other's promises (architecture, "Roles")."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.gateway import Founded, Gateway, run_gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.recipient import Recipient
from tests.protocol.steps import apply, delivered, eventually, outcomes, pushed

Pair = tuple[Gateway, Gateway]


@pytest.fixture
async def pair(founded: Founded, servers: dict[str, str], tmp_path: Path) -> AsyncIterator[Pair]:
    """Two gateways on PostgreSQL and RabbitMQ, on one clock."""
    async with run_gateway(founded, tmp_path, **servers) as one:
        other = Gateway(one.settings, one.keys, clock=one.clock)
        await other.start()
        try:
            yield one, other
        finally:
            await other.stop()


async def test_a_nonce_is_spent_for_both(pair: Pair):
    """Whichever process heard it first."""
    callers = [Caller(gateway, "platform", "platform") for gateway in pair]
    for _ in range(3):
        nonce = secrets.token_hex(16)
        answers = await asyncio.gather(*(caller.get("/v1/mailbox", nonce=nonce) for caller in callers))
        assert sorted(answer.status for answer in answers) == [200, 401]


async def test_an_id_is_one_for_both(pair: Pair):
    """Twins that come to both at once: one 202, one 200, one receipt; with other bytes one of them is 409."""
    callers = [Caller(gateway, "platform", "platform") for gateway in pair]
    for number in range(5):
        body = encode(callers[0].event("guarantee.application.v1", f"DD-{number}"))
        answers = await asyncio.gather(*(caller.post(body) for caller in callers))
        assert sorted(answer.status for answer in answers) == [200, 202]
        assert answers[0].body == answers[1].body
        other = encode(callers[0].event("guarantee.application.v1", f"EE-{number}"))
        answers = await asyncio.gather(callers[0].post(other), callers[1].post(other + b" "))
        assert sorted(answer.status for answer in answers) == [202, 409]


async def test_an_order_is_one_for_both(pair: Pair):
    """Of two messages that cannot both be, sent to both at once, the first accepted wins."""
    one, other = (Caller(gateway, "platform", "platform") for gateway in pair)
    for number in range(5):
        events = [client.event("guarantee.application.v1", f"DD-{number}") for client in (one, other)]
        answers = await asyncio.gather(one.post(events[0]), other.post(events[1]))
        assert sorted(answer.status for answer in answers) == [202, 409]


async def test_a_long_poll_sees_the_other_s_messages(pair: Pair):
    """A poll looks again by itself each half second."""
    one, other = pair
    bank, platform = Caller(other, "xmccb", "xmccb"), Caller(one, "platform", "platform")
    nonce = secrets.token_hex(16)
    poll = asyncio.create_task(bank.get("/v1/mailbox?wait=1", nonce=nonce, timestamp=one.clock.now() // 1_000_000 + 1))
    await eventually(lambda: one.clock.sleepers > 0)
    await apply(platform)
    one.clock.advance(1)
    answer = await asyncio.wait_for(poll, 10)
    assert len(answer.doc["messages"]) == 1


async def test_both_deliver_each_message_once(pair: Pair, recipient: Recipient):
    """With two relays and two workers every message is pushed once and delivered."""
    one, other = pair
    platform, _ = await pushed(one, recipient)
    await other.parts.roster.refresh()
    numbers = [f"m-{count}" for count in range(12)]
    await one.turn()
    await other.turn()
    for number in numbers:
        await apply(Caller(other, "platform", "platform"), f"DD-{number}", number)
    for _ in range(3):
        await asyncio.gather(one.turn(), other.turn())
    await recipient.has(len(numbers))
    for number in numbers:
        assert outcomes(await delivered(platform, "platform", number)) == [("delivered", 200, None)]
    assert sorted(push.event["id"] for push in recipient.pushes) == sorted(numbers)
