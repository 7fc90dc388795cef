"""Push delivery: what is sent, and what each answer to it brings about (protocol section 6)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.catalogue import load_catalogue
from gateway.crypto.digest import sm3_hex
from tests.harness.fake_clock import SECOND
from tests.harness.gateway import Gateway
from tests.protocol.caller import parameters, verify
from tests.protocol.recipient import Play, Recipient, hang_up, say
from tests.protocol.steps import HOUR, apply, due_in, outcomes, pushed


@pytest.mark.parametrize("path", ["/inbox", "/in%2Fbox/%7Ea?to=%E4%BF%9D&x=a+b", "/?", "", "/a//b/../c;d=e?x=%zz"])
async def test_a_push_carries_the_sender_s_bytes(either: Gateway, recipient: Recipient, path: str):
    """The body byte for byte, both signatures verifiable, the raw target signed, delivery, attempt and trace told."""
    platform, _bank = await pushed(either, recipient, path)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = await apply(platform, traceparent=trace)
    await either.deliver()
    [push] = recipient.pushes
    method, target, version = push.line.split(" ")
    assert (method, version, push.body) == ("POST", "HTTP/1.1", body)
    assert target == (path.rstrip("?") or "/")
    ours, origin = push.authorization, parameters(push.headers["gzbzj-origin"])
    keys = either.keys
    assert (ours["sender_id"], ours["serial_no"]) == ("gateway", keys["gateway"].serial_no)
    verify(keys["gateway"].public, ours["signature"], "POST", target, ours["timestamp"], ours["nonce_str"], body)
    verify(
        keys["platform"].public,
        origin["signature"],
        "POST",
        "/v1/messages",
        origin["timestamp"],
        origin["nonce_str"],
        body,
    )
    assert int(ours["timestamp"]) == either.clock.now() // SECOND
    assert re.fullmatch("[A-Za-z0-9]{16,64}", ours["nonce_str"])
    assert push.headers["content-type"].startswith("application/cloudevents+json")
    assert "content-encoding" not in push.headers
    assert (push.headers["gzbzj-attempt"], push.headers["gzbzj-delivery"].isdigit()) == ("1", True)
    assert push.headers["traceparent"].split("-")[1] == trace.split("-")[1]
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], outcomes(shown)) == ("delivered", [("delivered", 200, None)])


@pytest.mark.parametrize("given", [None, "no trace", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_push_always_has_a_trace(gateway: Gateway, recipient: Recipient, given: str | None):
    """Where the sender brought no trace, or a broken one, the gateway begins one."""
    platform, _ = await pushed(gateway, recipient)
    await apply(platform, **({"traceparent": given} if given else {}))
    await gateway.deliver()
    trace = recipient.pushes[0].headers["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", trace)
    assert trace != given


async def test_a_pushed_receipt_is_kept_as_it_came(either: Gateway, recipient: Recipient):
    """Method and path null; the kept values verify as a signed answer of section 4; the mailbox is empty."""
    platform, bank = await pushed(either, recipient)
    body = await apply(platform)
    await either.deliver()
    kept = (await platform.state("platform", "m-1"))["receipt"]
    assert (kept["method"], kept["path"]) == (None, None)
    assert kept["nonce"] == recipient.pushes[0].authorization["nonce_str"]
    key = either.keys["xmccb"].public
    assert kept["serialNo"] == key.serial_no
    verify(key, kept["signature"], kept["timestamp"], kept["nonce"], kept["body"])
    assert json.loads(kept["body"])["digest"] == sm3_hex(body)
    assert await bank.mailbox() == []


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the answer table: what is answered, what becomes of the message and its attempt, which alerts rise."""

    name: str
    play: Callable[[Recipient], Play]
    state: str
    outcome: str
    status: int | None
    code: str | None
    alerts: tuple[str, ...] = ()


def _of(method: str, *words: Any, **how: Any) -> Callable[[Recipient], Play]:
    """A play of the recipient's own."""
    return lambda recipient: getattr(recipient, method)(*words, **how)


def _plain(play: Play) -> Callable[[Recipient], Play]:
    return lambda _: play


SUSPECT = ("RECEIPT_INVALID",)
DEAD = ("DEAD_LETTER",)

TABLE = (
    *(
        Row(f"accepted with {status}", _of("accept", http=status), "delivered", "delivered", status, None)
        for status in (200, 201, 204 + 2, 302, 400, 404, 410, 429, 500, 503)
    ),
    *(
        Row(f"refused with {status}", _of("refuse", "NO", "不办", http=status), "failed", "refused", status, "NO", DEAD)
        for status in (200, 400, 410, 500)
    ),
    Row("gone", _plain(say(410)), "held", "held", 410, "ENDPOINT_GONE", ("ENDPOINT_GONE",)),
    Row("gone with words", _plain(say(410, b"moved")), "held", "held", 410, "ENDPOINT_GONE", ("ENDPOINT_GONE",)),
    Row(
        "gone, unsigned",
        _of("accept", http=410, without="Gzbzj-Nonce"),
        "held",
        "held",
        410,
        "ENDPOINT_GONE",
        ("ENDPOINT_GONE",),
    ),
    Row(
        "gone, unverified", _of("accept", http=410, late=-301), "held", "held", 410, "ENDPOINT_GONE", ("ENDPOINT_GONE",)
    ),
    Row("no answer", _plain(hang_up), "delivering", "retry", None, "NO_ANSWER"),
    Row("no HTTP", _plain(lambda _: b"hello\r\n\r\n"), "delivering", "retry", None, "NO_ANSWER"),
    *(Row(f"{s}", _plain(say(s)), "delivering", "retry", s, f"HTTP_{s}") for s in (500, 502, 503, 504, 599)),
    *(Row(f"{s}", _plain(say(s)), "delivering", "retry", s, f"HTTP_{s}", SUSPECT) for s in (400, 401, 404, 409, 429)),
    *(
        Row(f"{s}", _plain(say(s, Location="/elsewhere")), "delivering", "retry", s, "REDIRECTED", SUSPECT)
        for s in (301, 302, 307, 308)
    ),
    Row("empty 200", _plain(say(200)), "delivering", "retry", 200, "RECEIPT_MISSING", SUSPECT),
    Row("empty 204", _plain(say(204)), "delivering", "retry", 204, "RECEIPT_MISSING", SUSPECT),
    Row("a page", _plain(say(200, b"<html>ok</html>")), "delivering", "retry", 200, "RECEIPT_MISSING", SUSPECT),
    Row("too long", _plain(say(200, b" " * 70_000)), "delivering", "retry", 200, "RECEIPT_MISSING", SUSPECT),
    Row("other id", _of("accept", more={"id": "x"}), "delivering", "retry", 200, "RECEIPT_MISMATCH", SUSPECT),
    Row(
        "other digest",
        _of("accept", more={"digest": "0" * 64}),
        "delivering",
        "retry",
        200,
        "RECEIPT_MISMATCH",
        SUSPECT,
    ),
    *(
        Row(f"without {name}", _of("accept", without=name), "delivering", "retry", 200, "RECEIPT_UNSIGNED", SUSPECT)
        for name in ("Gzbzj-Serial", "Gzbzj-Timestamp", "Gzbzj-Nonce", "Gzbzj-Signature")
    ),
    Row(
        "refused without text",
        _of("accept", more={"status": "REFUSED", "code": "X"}),
        "delivering",
        "retry",
        200,
        "RECEIPT_MISSING",
        SUSPECT,
    ),
    Row("another nonce", _of("accept", nonce="n" * 32), "delivering", "retry", 200, "RECEIPT_UNVERIFIED", SUSPECT),
    Row(
        "another key",
        lambda recipient: recipient.accept(key=recipient.keys["picc"]),
        "delivering",
        "retry",
        200,
        "RECEIPT_UNVERIFIED",
        SUSPECT,
    ),
    Row("stale", _of("accept", late=-301), "delivering", "retry", 200, "RECEIPT_UNVERIFIED", SUSPECT),
    Row("early", _of("accept", late=301), "delivering", "retry", 200, "RECEIPT_UNVERIFIED", SUSPECT),
    Row(
        "unverified with 404",
        _of("accept", late=-301, http=404),
        "delivering",
        "retry",
        404,
        "RECEIPT_UNVERIFIED",
        SUSPECT,
    ),
    Row("unverified with 503", _of("accept", late=-301, http=503), "delivering", "retry", 503, "RECEIPT_UNVERIFIED"),
    Row("mismatch with 503", _of("accept", more={"id": "x"}, http=503), "delivering", "retry", 503, "HTTP_503"),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_the_answer_table(gateway: Gateway, recipient: Recipient, row: Row):
    """State, attempt and alerts of every kind of answer; the message stands in the mailbox until a good receipt."""
    platform, bank = await pushed(gateway, recipient)
    recipient.script.append(row.play(recipient))
    body = await apply(platform)
    await gateway.deliver()
    assert len(recipient.pushes) == 1
    shown = await platform.state("platform", "m-1")
    assert (shown["state"], outcomes(shown)) == (row.state, [(row.outcome, row.status, row.code)])
    assert tuple(code for code, _ in await gateway.alerts()) == row.alerts
    received = row.outcome in {"delivered", "refused"}
    assert (shown["receipt"] is not None) == received
    assert [waiting["body"].encode() for waiting in await bank.mailbox()] == ([] if received else [body])
    assert (shown["nextAttemptTime"] is not None) == (row.outcome == "retry")
    if row.outcome == "retry":
        assert 12 <= due_in(gateway, shown) <= 18
        await gateway.after(18)
        assert (await platform.state("platform", "m-1"))["state"] == "delivered"
        assert [push.headers["gzbzj-attempt"] for push in recipient.pushes] == ["1", "2"]
        nonces = {push.authorization["nonce_str"] for push in recipient.pushes}
        assert (len(nonces), recipient.pushes[1].body) == (2, body)
        assert recipient.pushes[0].headers["gzbzj-delivery"] == recipient.pushes[1].headers["gzbzj-delivery"]


@pytest.mark.parametrize("key", ["next", "retired", "revoked", "expired"])
async def test_receipts_are_signed_by_active_keys(gateway: Gateway, recipient: Recipient, key: str):
    """A receipt by a key that may not sign now is none; by a second active key it is good."""
    platform, _ = await pushed(gateway, recipient)
    recipient.script.append(recipient.accept(key=gateway.keys[key]))
    recipient.script.append(recipient.accept(key=gateway.keys["second"]))
    await apply(platform)
    await gateway.deliver()
    assert outcomes(await platform.state("platform", "m-1")) == [("retry", 200, "RECEIPT_UNVERIFIED")]
    await gateway.after(18)
    assert (await platform.state("platform", "m-1"))["receipt"]["serialNo"] == gateway.keys["second"].serial_no


async def test_a_refusal_by_push_is_told_to_the_sender(either: Gateway, recipient: Recipient):
    """Dead letter at once, out of the mailbox; message.failed with the recipient's code and text, in the sender's."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(recipient.refuse("NO_CREDIT", "额度不足"))
    await apply(platform)
    await either.deliver()
    [notice] = [json.loads(waiting["body"]) for waiting in await platform.mailbox()]
    load_catalogue().check(notice["type"], notice)
    assert (notice["data"]["code"], notice["data"]["message"], notice["data"]["attempts"]) == (
        "NO_CREDIT",
        "额度不足",
        1,
    )
    assert notice["correlationid"] == "m-1"
    assert await bank.mailbox() == []
    await either.after(73 * HOUR)
    assert len(recipient.pushes) == 1


async def test_a_gone_endpoint_holds_everything_until_it_is_resumed(either: Gateway, recipient: Recipient):
    """410: this message is held, others wait, nothing is lost; resuming delivers all in order."""
    platform, bank = await pushed(either, recipient)
    recipient.script.append(say(410))
    await apply(platform, "DD-1", "m-1")
    await either.deliver()
    await apply(platform, "DD-2", "m-2")
    await either.after(3 * HOUR)
    assert len(recipient.pushes) == 1
    assert (await platform.state("platform", "m-1"))["state"] == "held"
    assert (await platform.state("platform", "m-2"))["state"] == "accepted"
    assert either.parts.roster.directory.parties["xmccb"].gone
    assert len(await bank.mailbox()) == 2
    await either.change("xmccb", gone=False, endpoint=recipient.url("/new"))
    await either.deliver()
    states = [(await platform.state("platform", number))["state"] for number in ("m-1", "m-2")]
    assert states == ["delivered", "delivered"]
    assert {push.line for push in recipient.pushes[1:]} == {"POST /new HTTP/1.1"}


async def test_an_answer_that_does_not_come(gateway: Gateway, recipient: Recipient):
    """A recipient that is not there is a passing fault without an alert."""
    platform, _bank = await pushed(gateway, recipient)
    await gateway.change("xmccb", endpoint="http://127.0.0.1:1/inbox")
    await apply(platform)
    await gateway.deliver()
    shown = await platform.state("platform", "m-1")
    assert outcomes(shown) == [("retry", None, "NO_ANSWER")]
    assert shown["attempts"][0]["message"]
    assert await gateway.alerts() == []


async def test_suspicious_answers_raise_one_alert_that_counts(gateway: Gateway, recipient: Recipient):
    """RECEIPT_INVALID stands at the first such answer and is counted, not repeated, at the next."""
    platform, _ = await pushed(gateway, recipient)
    recipient.script.extend([say(404)] * 3)
    await apply(platform)
    await gateway.deliver()
    assert await gateway.alerts() == [("RECEIPT_INVALID", "xmccb:platform/m-1")]
    await gateway.after(18)
    await gateway.after(18)
    [(_, _, times)] = await gateway.store.alerts()
    assert times == 3


async def test_redirects_are_not_followed(gateway: Gateway, recipient: Recipient):
    """One attempt is one request, wherever the answer points."""
    platform, _ = await pushed(gateway, recipient)
    recipient.script.append(say(307, Location=recipient.url("/elsewhere")))
    await apply(platform)
    await gateway.deliver()
    assert [push.line for push in recipient.pushes] == ["POST /inbox HTTP/1.1"]
