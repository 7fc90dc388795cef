"""The pull side: what stands in a mailbox, in which order, and how long one may wait for it (protocol section 5)."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.harness.gateway import Gateway, run_gateway
from tests.protocol.caller import Caller, encode
from tests.protocol.steps import apply_all, eventually, parties

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("?limit=0", ["limit"]),
        ("?limit=101", ["limit"]),
        ("?limit=", ["limit"]),
        ("?limit=1.0", ["limit"]),
        ("?limit=-1", ["limit"]),
        ("?limit=+1", ["limit"]),
        ("?limit=%EF%BC%92", ["limit"]),
        ("?limit=" + "9" * 400, ["limit"]),
        ("?wait=31", ["wait"]),
        ("?wait=x", ["wait"]),
        ("?after=x", ["after"]),
        ("?after=", ["after"]),
        ("?after=-5", ["after"]),
        ("?wait=99&limit=0&after=z", ["limit", "wait", "after"]),
    ],
)
async def test_bad_numbers_are_named(bank: Caller, query: str, bad: list[str]):
    """A known parameter out of range is 400 with an error for each."""
    answer = await bank.get(f"/v1/mailbox{query}")
    assert (answer.status, answer.code, answer.signed) == (400, "MALFORMED_REQUEST", True)
    assert answer.pointers == [f"?{name}" for name in bad]


@pytest.mark.parametrize("query", ["", "?", "?limit=1", "?limit=100", "?wait=0", "?after=0", "?other=1&limit=5"])
async def test_an_empty_mailbox_is_an_empty_list(bank: Caller, query: str):
    """Nothing waits: 200 and no messages."""
    assert await bank.mailbox(query) == []


async def test_the_mailbox_lists_in_order_of_acceptance(either: Gateway):
    """Also several of one subject, each with the fields of section 5; `limit` and `after` page through them."""
    platform, bank = parties(either)
    bodies = await apply_all(platform, "DD-2", "DD-1")
    query = encode(platform.event("authenticity.query.v1", "DD-2"))
    assert (await platform.post(query)).status == 202
    listed = await bank.mailbox()
    assert [waiting["body"].encode() for waiting in listed] == [*bodies, query]
    assert all(set(waiting) == {"deliveryId", "attempt", "origin", "body"} for waiting in listed)
    assert [waiting["attempt"] for waiting in listed] == [1, 1, 1]
    assert all(isinstance(waiting["deliveryId"], str) for waiting in listed)
    ids = [waiting["deliveryId"] for waiting in listed]
    assert [waiting["deliveryId"] for waiting in await bank.mailbox("?limit=2")] == ids[:2]
    assert [waiting["deliveryId"] for waiting in await bank.mailbox(f"?after={ids[0]}")] == ids[1:]
    assert await bank.mailbox(f"?after={ids[2]}") == []
    assert await platform.mailbox() == []


async def test_twenty_are_listed_unless_more_are_asked_for(bank: Caller, platform: Caller):
    """The default limit is 20, the highest 100."""
    await apply_all(platform, *(f"DD-{number}" for number in range(22)))
    assert len(await bank.mailbox()) == 20
    assert len(await bank.mailbox("?limit=100")) == 22


async def test_a_listing_is_cut_at_four_mebibytes(bank: Caller, platform: Caller):
    """The answer stays within 4 MiB where more than one message would pass it; what is left follows with `after`."""
    bodies = await apply_all(platform, *(f"DD-{number}" for number in range(5)), pad=MIB)
    answer = await bank.get("/v1/mailbox?limit=100")
    first = answer.doc["messages"]
    assert len(answer.body) <= 4 * MIB
    assert 3 <= len(first) < 5
    rest = await bank.mailbox(f"?after={first[-1]['deliveryId']}")
    assert [waiting["body"].encode() for waiting in [*first, *rest]] == bodies


async def test_a_listing_is_never_cut_below_one(founded, tmp_path):
    """A message that alone passes the bound is listed alone."""
    async with run_gateway(founded, tmp_path, LIMITS__MAILBOX_BYTES=str(MIB)) as gateway:
        platform, bank = parties(gateway)
        await apply_all(platform, "DD-1", "DD-2", pad=MIB)
        [first] = await bank.mailbox()
        [second] = await bank.mailbox(f"?after={first['deliveryId']}")
        assert json.loads(second["body"])["subject"] == "DD-2"


async def test_a_long_poll_wakes_on_arrival(either: Gateway):
    """A poll with `wait` answers as soon as a message is accepted, without the clock moving."""
    platform, bank = parties(either)
    poll = asyncio.create_task(bank.mailbox("?wait=30"))
    await eventually(lambda: either.clock.sleepers > 0)
    [body] = await apply_all(platform, "DD-1")
    [waiting] = await asyncio.wait_for(poll, 10)
    assert waiting["body"].encode() == body


async def test_a_long_poll_ends_empty_in_time(bank: Caller):
    """After `wait` seconds without a message the answer is an empty list."""
    poll = asyncio.create_task(bank.get("/v1/mailbox?wait=2", timestamp=bank.gateway.clock.now() // 1_000_000 + 2))
    clock = bank.gateway.clock
    async with asyncio.timeout(10):
        while not poll.done():
            if clock.sleepers and clock.now() < 1_795_219_202_000_000:
                clock.advance(0.5)
            await asyncio.sleep(0.001)
    answer = await poll
    assert (answer.status, answer.doc) == (200, {"messages": []})


async def test_a_long_poll_ends_when_the_gateway_stops(founded, tmp_path):
    """A stop answers waiting polls with an empty list."""
    async with run_gateway(founded, tmp_path) as gateway:
        _, bank = parties(gateway)
        poll = asyncio.create_task(bank.mailbox("?wait=30"))
        await eventually(lambda: gateway.clock.sleepers > 0)
        gateway.parts.mailroom.close()
        assert await asyncio.wait_for(poll, 10) == []
