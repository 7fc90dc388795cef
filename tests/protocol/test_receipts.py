"""Receipts that recipients bring by hand, and what the sender hears of a refusal (protocol sections 5 and 6)."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from gateway.catalogue import load_catalogue
from gateway.crypto.digest import sm3_hex
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller, encode, parameters, verify
from tests.protocol.steps import apply_all, bring, parties


async def test_a_receipt_delivers(either: Gateway):
    """ACCEPTED: recorded, delivered, gone from the mailbox; the receipt is kept with how it was signed."""
    platform, bank = parties(either)
    await apply_all(platform, "DD-1")
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
    await apply_all(platform, "DD-1")
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
    [body] = await apply_all(platform, "DD-1")
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
        gateway_key,
        origin["signature"],
        "POST",
        "/v1/messages",
        origin["timestamp"],
        origin["nonce_str"],
        notice["body"],
    )
    assert (origin["sender_id"], origin["serial_no"]) == ("gateway", gateway_key.serial_no)
    assert ("DEAD_LETTER", "platform/a-DD-1") in await either.alerts()
    assert (await platform.state("gateway", event["id"]))["type"] == "message.failed.v1"
    assert (await bank.get(f"/v1/messages/gateway/{event['id']}")).status == 404
    again = await bring(bank, waiting, status="REFUSED", code="NO_CREDIT", message="额度不足")
    assert again.status == 200
    assert len(await platform.mailbox()) == 1


async def test_a_message_stands_until_its_receipt(either: Gateway):
    """A recipient that pulls is never given up on, however late it is."""
    platform, bank = parties(either)
    await apply_all(platform, "DD-1")
    for _ in range(4):
        await either.after(30 * 24 * 3600)
    [waiting] = await bank.mailbox()
    assert waiting["attempt"] == 1
    assert await either.alerts() == []
    assert await platform.mailbox() == []
    assert (await bring(bank, waiting)).status == 200
    assert (await platform.state("platform", "a-DD-1"))["state"] == "delivered"


async def test_the_gateway_s_own_message_that_is_refused_is_an_alert(platform: Caller, bank: Caller):
    """message.failed that its recipient refuses raises an alert and no further message."""
    await apply_all(platform, "DD-1")
    [waiting] = await bank.mailbox()
    await bring(bank, waiting, status="REFUSED", code="NO", message="不办")
    [notice] = await platform.mailbox()
    assert (await bring(platform, notice, status="REFUSED", code="NO", message="不收")).status == 200
    assert await platform.mailbox() == []
    about = [subject for code, subject in await platform.gateway.alerts() if code == "DEAD_LETTER"]
    assert about == [f"gateway/{json.loads(notice['body'])['id']}", "platform/a-DD-1"]


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
    await apply_all(platform, "DD-1")
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
    await apply_all(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bring(bank, waiting, **fields)
    assert (answer.status, answer.code, answer.signed) == (422, "RECEIPT_INVALID", True)
    assert answer.pointers == [pointer]
    assert (await bring(bank, waiting)).status == 200


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"id":"a","id":"a"}', b"\xff", b'{"id":"\\u0000"}', b"\xef\xbb\xbf{}"]
)
async def test_a_receipt_that_is_no_json_is_malformed(platform: Caller, bank: Caller, raw: bytes):
    """400 MALFORMED_REQUEST, signed."""
    await apply_all(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bank.call("POST", f"/v1/mailbox/{waiting['deliveryId']}/receipt", raw)
    assert (answer.status, answer.code, answer.signed) == (400, "MALFORMED_REQUEST", True)


async def test_strangers_bring_no_receipts(platform: Caller, bank: Caller, insurer: Caller):
    """404 to all but the recipient, the sender too; the same for a delivery that is none."""
    await apply_all(platform, "DD-1")
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
    await apply_all(platform, "DD-1")
    [waiting] = await bank.mailbox()
    answer = await bring(bank, waiting, extra="x" * 64 * 1024)
    assert (answer.status, answer.code, answer.signed) == (413, "BODY_TOO_LARGE", False)
