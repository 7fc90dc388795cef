"""An accepted message: its receipt, its repeats, its standing (protocol section 5)."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from gateway.core.wire.instants import parse_rfc3339
from gateway.crypto.digest import sm3_hex
from tests.harness.gateway import Gateway
from tests.protocol.caller import Caller, encode, parameters, verify

RECEIPT = ["id", "source", "receiptNo", "digest", "receivedTime", "status"]


def parties(gateway: Gateway) -> tuple[Caller, Caller]:
    return Caller(gateway, "platform", "platform"), Caller(gateway, "xmccb", "xmccb")


async def test_a_message_is_accepted_with_a_signed_receipt(either: Gateway):
    """202 with every field of the receipt; then it stands in the recipient's mailbox with its origin, byte for byte."""
    platform, bank = parties(either)
    body = encode(platform.event("guarantee.application.v1", "DD-1", id="m-1"))
    answer = await platform.post(body)
    assert (answer.status, answer.signed) == (202, True)
    receipt = answer.doc
    assert list(receipt) == RECEIPT
    assert (receipt["id"], receipt["source"], receipt["status"]) == ("m-1", "platform", "ACCEPTED")
    assert receipt["digest"] == sm3_hex(body)
    assert receipt["receivedTime"].endswith("+08:00")
    assert parse_rfc3339(receipt["receivedTime"]) == either.clock.now()
    [waiting] = await bank.mailbox()
    assert waiting["body"].encode() == body
    origin = parameters(waiting["origin"])
    key = either.keys["platform"].public
    verify(key, origin["signature"], "POST", "/v1/messages", origin["timestamp"], origin["nonce_str"], body)
    assert (origin["sender_id"], origin["serial_no"]) == ("platform", key.serial_no)


async def test_the_same_again_gets_the_same_receipt(either: Gateway):
    """200 and the receipt byte for byte, at any later time and from another key of the sender; delivered once."""
    platform, bank = parties(either)
    application = platform.event("guarantee.application.v1", "DD-1")
    body = encode(application)
    first = await platform.post(body)
    either.clock.advance(3600)
    second = await platform.post(body)
    third = await platform.post(body, media="application/json; charset=utf-8")
    assert [answer.status for answer in (first, second, third)] == [202, 200, 200]
    assert first.body == second.body == third.body
    assert first.headers["gzbzj-nonce"] != second.headers["gzbzj-nonce"]
    assert len(await bank.mailbox()) == 1
    issued = encode(bank.event("guarantee.issued.v1", "DD-1"))
    sent = await bank.post(issued)
    assert (await Caller(either, "xmccb", "second").post(issued)).body == sent.body


async def test_one_blank_more_is_another_message(either: Gateway):
    """The same id with other bytes is 409 MESSAGE_ID_CONFLICT and changes nothing, however often it is tried."""
    platform, bank = parties(either)
    event = platform.event("guarantee.application.v1", "DD-1")
    body = encode(event)
    first = await platform.post(body)
    others = [body + b" ", b" " + body, encode({**event, "subject": "DD-2"}), encode(dict(reversed(event.items())))]
    for other in others:
        answer = await platform.post(other)
        assert (answer.status, answer.code, answer.signed) == (409, "MESSAGE_ID_CONFLICT", True)
    assert (await platform.post(body)).body == first.body
    [waiting] = await bank.mailbox()
    assert waiting["body"].encode() == body


async def test_ids_belong_to_their_sender(either: Gateway):
    """Two senders may use one id for two messages."""
    platform, bank = parties(either)
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1", id="one"))).status == 202
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1", id="one"))).status == 202
    assert (await bank.state("platform", "one"))["type"] == "guarantee.application.v1"
    assert (await bank.state("xmccb", "one"))["type"] == "guarantee.issued.v1"


async def test_twins_at_the_same_time(either: Gateway):
    """Of many that come together with the same bytes one is 202 and the rest 200, all with one receipt; others 409."""
    platform, bank = parties(either)
    event = platform.event("guarantee.application.v1", "DD-1")
    bodies = [encode(event)] * 8 + [encode(event) + b" "] * 4
    answers = await asyncio.gather(*(platform.post(body) for body in bodies))
    statuses = sorted(answer.status for answer in answers)
    assert statuses in ([200] * 7 + [202] + [409] * 4, [200] * 3 + [202] + [409] * 8)
    assert len({answer.body for answer in answers if answer.status < 300}) == 1
    assert len(await bank.mailbox()) == 1


async def test_a_nonce_is_good_for_one_of_many(either: Gateway):
    """Of many requests that come together with one nonce one is heard."""
    platform, _ = parties(either)
    events = [encode(platform.event("guarantee.application.v1", f"DD-{n}")) for n in range(6)]
    answers = await asyncio.gather(*(platform.post(body, nonce="n" * 32) for body in events))
    assert sorted(answer.status for answer in answers) == [202] + [401] * 5


async def test_a_message_is_shown_to_its_parties(either: Gateway):
    """Every field of section 5, before any attempt."""
    platform, bank = parties(either)
    event = platform.event("guarantee.application.v1", "DD-1", id="m-1")
    receipt = (await platform.post(event)).doc
    shown = await bank.state("platform", "m-1")
    assert shown == await platform.state("platform", "m-1")
    assert shown == {
        "id": "m-1",
        "source": "platform",
        "type": "guarantee.application.v1",
        "recipient": "xmccb",
        "subject": "DD-1",
        "digest": receipt["digest"],
        "receiptNo": receipt["receiptNo"],
        "receivedTime": receipt["receivedTime"],
        "state": "accepted",
        "nextAttemptTime": receipt["receivedTime"],
        "attempts": [],
        "receipt": None,
    }


async def test_receipt_numbers_are_unguessable(either: Gateway):
    """They differ from message to message and show no order."""
    platform, _ = parties(either)
    numbers = [
        (await platform.post(platform.event("guarantee.application.v1", f"DD-{n}"))).doc["receiptNo"] for n in range(3)
    ]
    assert len(set(numbers)) == 3
    assert all(re.fullmatch(r"[0-9A-F]{20}", number) for number in numbers)


GOOD_MEDIA = (
    "application/cloudevents+json",
    "application/json",
    "Application/JSON",
    "application/json;charset=UTF-8",
    "application/cloudevents+json ; charset=gbk",
    'application/json; profile="a;b"',
)
BAD_MEDIA = (
    None,
    "",
    "text/json",
    "application/jsonx",
    "application/cloudevents-batch+json",
    "application/json, application/json",
    "*/*",
)


@pytest.mark.parametrize("media", GOOD_MEDIA)
async def test_parameters_of_the_media_type_are_ignored(platform: Caller, media: str):
    """Both media types are good in any case, whatever their parameters say."""
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"), media=media)).status == 202


@pytest.mark.parametrize("media", BAD_MEDIA)
async def test_other_media_types_are_refused(platform: Caller, media: str | None):
    """415, signed, for any other type and for none."""
    answer = await platform.post(platform.event("guarantee.application.v1", "DD-1"), media=media)
    assert (answer.status, answer.code, answer.signed) == (415, "UNSUPPORTED_MEDIA_TYPE", True)


@pytest.mark.parametrize("coding", ["gzip", "identity", "br", "x"])
async def test_packed_bodies_are_refused_after_the_proof(platform: Caller, coding: str):
    """Any Content-Encoding is 415; the signature is checked over the raw bytes and never over unpacked ones."""
    import gzip

    body = encode(platform.event("guarantee.application.v1", "DD-1"))
    packed = gzip.compress(body)
    headers = [("Content-Encoding", coding)]
    answer = await platform.post(packed, headers=headers)
    assert (answer.status, answer.code, answer.signed) == (415, "UNSUPPORTED_MEDIA_TYPE", True)
    assert (await platform.post(packed, headers=headers, over=body)).code == "SIGNATURE_INVALID"


@pytest.mark.parametrize("chunked", [False, True])
async def test_one_mebibyte_is_the_most(platform: Caller, *, chunked: bool):
    """1 MiB to the byte is accepted however it is sent; one byte more is 413, unsigned."""
    body = encode(platform.event("guarantee.application.v1", "DD-1")).ljust(1024 * 1024)
    answer = await platform.post(body + b" ", chunked=chunked)
    assert (answer.status, answer.code, answer.signed) == (413, "BODY_TOO_LARGE", False)
    assert (await platform.post(body, chunked=chunked)).status == 202


async def test_unknown_attributes_are_carried(platform: Caller, bank: Caller):
    """Further attributes of the envelope reach the recipient untouched; data_base64 is refused."""
    event = platform.event("guarantee.application.v1", "DD-1")
    body = encode({**event, "traceparent": "x", "myextension": {"a": [1, None]}})
    assert (await platform.post(body)).status == 202
    [waiting] = await bank.mailbox()
    assert waiting["body"].encode() == body
    refused = await platform.post({**event, "id": "other", "data_base64": "e30="})
    assert (refused.code, refused.pointers) == ("MALFORMED_REQUEST", ["/data_base64"])


async def test_every_bad_attribute_is_named(platform: Caller):
    """One refusal names all faults of the envelope."""
    answer = await platform.post(json.dumps({"id": "!", "data": []}).encode())
    assert answer.code == "MALFORMED_REQUEST"
    assert set(answer.pointers) == {
        f"/{name}"
        for name in ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "recipient", "data")
    }


@pytest.mark.parametrize("text", ["1.0", "100e6", "-1", "0", "9007199254740992", '"100"', "null", "1E400"])
async def test_fen_is_an_integer_in_digits(platform: Caller, text: str):
    """Anything but digits up to 2^53-1 is refused at its pointer, or as JSON where it is no number."""
    body = encode(platform.event("guarantee.application.v1", "DD-1"))
    spoiled = re.sub(rb'("fen": )[0-9]+', rb"\g<1>" + text.encode(), body, count=1)
    answer = await platform.post(spoiled)
    if text == "1E400":
        assert answer.code == "MALFORMED_REQUEST"
    else:
        assert (answer.code, answer.pointers[0]) == ("SCHEMA_INVALID", "/data/amount/fen")
