"""The pull side: what stands in a mailbox, and the receipts that are brought there (protocol section 5)."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest

from gateway.catalogue import load_catalogue
from gateway.crypto.digest import sm3_hex
from tests.harness.gateway import Gateway
from tests.protocol.caller import Answer, Caller, encode, parameters, verify

MIB = 1024 * 1024


def parties(gateway: Gateway) -> tuple[Caller, Caller]:
    return Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")


async def apply(platform: Caller, *subjects: str, pad: int = 0) -> list[bytes]:
    """Applications for the bank; their bytes, filled up with blanks to `pad`."""
    bodies = []
    for subject in subjects:
        event = platform.event("guarantee.application.v1", subject, id=f"a-{subject}")
        bodies.append(encode(event).ljust(pad))
        assert (await platform.post(bodies[-1])).status == 202
    return bodies


async def bring(caller: Caller, waiting: dict[str, Any], **fields: Any) -> Answer:
    """A receipt for a waiting message; `fields` replace or add members, None takes one away."""
    body = waiting["body"].encode()
    doc = {"id": json.loads(body)["id"], "digest": sm3_hex(body), "status": "ACCEPTED", **fields}
    raw = encode({name: value for name, value in doc.items() if value is not None})
    return await caller.call("POST", f"/v1/mailbox/{waiting['deliveryId']}/receipt", raw)


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
    bodies = await apply(platform, "DD-2", "DD-1")
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
    await apply(platform, *(f"DD-{number}" for number in range(22)))
    assert len(await bank.mailbox()) == 20
    assert len(await bank.mailbox("?limit=100")) == 22


async def test_a_listing_is_cut_at_four_mebibytes(bank: Caller, platform: Caller):
    """The answer stays within 4 MiB where more than one message would pass it; what is left follows with `after`."""
    bodies = await apply(platform, *(f"DD-{number}" for number in range(5)), pad=MIB)
    answer = await bank.get("/v1/mailbox?limit=100")
    first = answer.doc["messages"]
    assert len(answer.body) <= 4 * MIB
    assert 3 <= len(first) < 5
    rest = await bank.mailbox(f"?after={first[-1]['deliveryId']}")
    assert [waiting["body"].encode() for waiting in [*first, *rest]] == bodies


async def test_a_listing_is_never_cut_below_one(founded, tmp_path):
    """A message that alone passes the bound is listed alone."""
    from tests.harness.gateway import run_gateway

    async with run_gateway(founded, tmp_path, LIMITS__MAILBOX_BYTES=str(MIB)) as gateway:
        platform, bank = parties(gateway)
        await apply(platform, "DD-1", "DD-2", pad=MIB)
        [first] = await bank.mailbox()
        [second] = await bank.mailbox(f"?after={first['deliveryId']}")
        assert json.loads(second["body"])["subject"] == "DD-2"


async def test_a_long_poll_wakes_on_arrival(either: Gateway):
    """A poll with `wait` answers as soon as a message is accepted, without the clock moving."""
    platform, bank = parties(either)
    poll = asyncio.create_task(bank.mailbox("?wait=30"))
    async with asyncio.timeout(10):
        while not either.clock.sleepers:  # noqa: ASYNC110 - the poll begins to wait inside the gateway
            await asyncio.sleep(0.001)
        [body] = await apply(platform, "DD-1")
        [waiting] = await poll
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
    from tests.harness.gateway import run_gateway

    async with run_gateway(founded, tmp_path) as gateway:
        _, bank = parties(gateway)
        poll = asyncio.create_task(bank.mailbox("?wait=30"))
        async with asyncio.timeout(10):
            while not gateway.clock.sleepers:  # noqa: ASYNC110 - the poll begins to wait inside the gateway
                await asyncio.sleep(0.001)
            gateway.parts.mailroom.close()
            assert await poll == []


async def test_a_receipt_delivers(either: Gateway):
    """ACCEPTED: recorded, delivered, gone from the mailbox; the receipt is kept with how it was signed."""
    platform, bank = parties(either)
    await apply(platform, "DD-1")
    await either.deliver()
    [waiting] = await bank.mailbox()
    nonce, target = secrets.token_hex(16), f"/v1/mailbox/{waiting['deliveryId']}/receipt"
    body = encode({"id": "a-DD-1", "digest": sm3_hex(waiting["body"].encode()), "status": "ACCEPTED", "extra": 1})
    value = bank.authorization("POST", target, body, nonce=nonce)
    answer = await bank.call("POST", target, body, nonce=nonce, authorizations=[value])
    assert (answer.status, answer.signed) == (200, True)
    assert answer.doc == {"deliveryId": waiting["deliveryId"], "status": "RECORDED"}
    assert await bank.mailbox() == []
    shown = await platform.state("platform", "a-DD-1")
    assert (shown["state"], shown["nextAttemptTime"]) == ("delivered", None)
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["delivered"]
    kept = shown["receipt"]
    assert (kept["method"], kept["path"], kept["body"].encode()) == ("POST", target, body)
    assert kept["signature"] == parameters(value)["signature"]
    key = either.keys["xmccb"].public
    assert kept["serialNo"] == key.serial_no
    verify(key, kept["signature"], kept["method"], kept["path"], kept["timestamp"], kept["nonce"], kept["body"])


async def test_the_same_receipt_again_gets_the_same_answer(either: Gateway):
    """Same id, digest and verdict: the same answer, also under another signature; a different verdict is 409."""
    platform, bank = parties(either)
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    first = await bring(bank, waiting)
    second = await bring(Caller(either, "xmccb", "second"), waiting)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    other = await bring(bank, waiting, status="REFUSED", code="NO", message="不办")
    assert (other.status, other.code, other.signed) == (409, "STATE_CONFLICT", True)
    assert (await platform.state("platform", "a-DD-1"))["state"] == "delivered"


async def test_a_refusal_is_told_to_the_sender(either: Gateway):
    """REFUSED: failed, gone from the mailbox, message.failed with code and text, valid against its schema."""
    platform, bank = parties(either)
    [body] = await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    assert (await bring(bank, waiting, status="REFUSED", code="NO_CREDIT", message="额度不足")).status == 200
    assert await bank.mailbox() == []
    shown = await platform.state("platform", "a-DD-1")
    assert shown["state"] == "failed"
    assert [(one["outcome"], one["code"], one["message"]) for one in shown["attempts"]] == [
        ("refused", "NO_CREDIT", "额度不足")
    ]
    assert shown["receipt"]["path"] == f"/v1/mailbox/{waiting['deliveryId']}/receipt"
    [notice] = await platform.mailbox()
    event = json.loads(notice["body"])
    load_catalogue().check(event["type"], event)
    assert (event["type"], event["source"], event["recipient"]) == ("message.failed.v1", "gateway", "platform")
    assert (event["correlationid"], event["subject"]) == ("a-DD-1", "DD-1")
    data = event["data"]
    assert (data["code"], data["message"], data["digest"]) == ("NO_CREDIT", "额度不足", sm3_hex(body))
    origin = parameters(notice["origin"])
    gateway_key = either.keys["gateway"].public
    verify(
        gateway_key, origin["signature"], "POST", "/v1/messages", origin["timestamp"], origin["nonce_str"], notice["body"]
    )
    assert (origin["sender_id"], origin["serial_no"]) == ("gateway", gateway_key.serial_no)
    assert ("DEAD_LETTER", "platform/a-DD-1") in await either.alerts()
    again = await bring(bank, waiting, status="REFUSED", code="NO_CREDIT", message="额度不足")
    assert again.status == 200
    assert len(await platform.mailbox()) == 1


ODD = (
    ("NO", "换行\n制表\t响铃\u0007"),
    ("NO\n\u0007\u2028", "x"),
    ("N" * 30_000, "x"),
    ("不允许", "长" * 15_000),
    (" NO ", " \u3000x "),
    ("\u0001", "\u0001"),
    ("\x80\u2029", "\x7f"),
    ("😀" * 65, "😀" * 2001),
)


@pytest.mark.parametrize(("code", "text"), ODD, ids=lambda value: ascii(value)[:20])
async def test_odd_refusals_are_told_in_a_valid_message(platform: Caller, bank: Caller, code: str, text: str):
    """Whatever code and text a recipient writes, message.failed fits its schema, and the receipt is kept as it was."""
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bring(bank, waiting, status="REFUSED", code=code, message=text)
    assert answer.status == 200
    [notice] = await platform.mailbox()
    event = json.loads(notice["body"])
    load_catalogue().check(event["type"], event)
    assert event["data"]["code"]
    kept = json.loads((await platform.state("platform", "a-DD-1"))["receipt"]["body"])
    assert (kept["code"], kept["message"]) == (code, text)
    assert (await bring(bank, waiting, status="REFUSED", code=code, message=text)).status == 200


BAD_RECEIPTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"id": "other"}, "/id"),
    ({"id": None}, "/id"),
    ({"id": 7}, "/id"),
    ({"digest": "0" * 64}, "/digest"),
    ({"digest": None}, "/digest"),
    ({"digest": "A" * 64}, "/digest"),
    ({"status": "OK"}, "/status"),
    ({"status": None}, "/status"),
    ({"status": "REFUSED", "message": "x"}, "/code"),
    ({"status": "REFUSED", "code": "X", "message": ""}, "/message"),
    ({"status": "REFUSED", "code": 5, "message": "x"}, "/code"),
)


@pytest.mark.parametrize(("fields", "pointer"), BAD_RECEIPTS, ids=str)
async def test_a_receipt_for_something_else_is_invalid(
    platform: Caller, bank: Caller, fields: dict[str, Any], pointer: str
):
    """422 RECEIPT_INVALID with the pointer, and the message still waits for a good one."""
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bring(bank, waiting, **fields)
    assert (answer.status, answer.code, answer.signed) == (422, "RECEIPT_INVALID", True)
    assert answer.pointers == [pointer]
    assert (await bring(bank, waiting)).status == 200


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"id":"a","id":"a"}', b"\xff", b'{"id":"\\u0000"}', b"\xef\xbb\xbf{}"])
async def test_a_receipt_that_is_no_json_is_malformed(platform: Caller, bank: Caller, raw: bytes):
    """400 MALFORMED_REQUEST, signed."""
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bank.call("POST", f"/v1/mailbox/{waiting['deliveryId']}/receipt", raw)
    assert (answer.status, answer.code, answer.signed) == (400, "MALFORMED_REQUEST", True)


async def test_strangers_bring_no_receipts(platform: Caller, bank: Caller, insurer: Caller):
    """404 to all but the recipient, the sender too; the same for a delivery that is none."""
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    for caller in (insurer, platform):
        answer = await bring(caller, waiting)
        assert (answer.status, answer.code, answer.signed) == (404, "NOT_FOUND", True)
    for number in ("0", "999999", "9" * 18, "9" * 30, "x", "-1", "1e3", "%31"):
        answer = await bring(bank, {**waiting, "deliveryId": number})
        assert (answer.status, answer.code, answer.signed) == (404, "NOT_FOUND", True)
    assert len(await bank.mailbox()) == 1


async def test_a_large_receipt_is_refused(platform: Caller, bank: Caller):
    """A receipt is at most 64 KiB."""
    await apply(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bring(bank, waiting, extra="x" * 64 * 1024)
    assert (answer.status, answer.code, answer.signed) == (413, "BODY_TOO_LARGE", False)
