"""No input makes a 500, a traceback on the wire, a hang or a lost message (protocol section 7)."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.protocol.caller import PATIENCE, Answer, Caller, check_problem, check_refused, encode, sign

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(body=st.binary(max_size=300))
@example(body=b"{}")
async def test_arbitrary_bytes(hardy: Caller, body: bytes):
    """Correctly signed noise is 400, signed."""
    check_refused(await hardy.post(body), "MALFORMED_REQUEST")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@QUICK
@given(
    member=st.sampled_from(["id", "source", "type", "subject", "time", "recipient", "correlationid", "data"]),
    value=JSON,
)
@example(member="id", value="x" * 65)
@example(member="subject", value="\ud800")
@example(member="subject", value="\x85")
@example(member="time", value="2026-02-30T00:00:00Z")
@example(member="time", value="0001-01-01T00:00:00+23:59")
@example(member="time", value="9999-12-31T23:59:60.999999999999999999-23:59")
async def test_any_attribute_may_hold_anything(hardy: Caller, member: str, value: Any):
    """A good event with one attribute replaced is accepted or refused below 500."""
    event = hardy.event("guarantee.application.v1", f"DD-{secrets.token_hex(8)}")
    answer = await hardy.post(json.dumps({**event, member: value}).encode())
    assert answer.signed
    assert answer.status < 500


def _leaves(item: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    return [place, *(found for key, inner in members for found in _leaves(inner, (*place, key)))]


def _put(item: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(item) if isinstance(item, dict) else list(item)
    copy[place[0]] = _put(item[place[0]], place[1:], value)
    return copy


@QUICK
@given(draw=st.data(), value=JSON)
async def test_any_member_of_data_may_hold_anything(hardy: Caller, draw: st.DataObject, value: Any):
    """The same for every member of a payload; what is refused has pointers into the data."""
    event = hardy.event("payment.notice.v1", "DD-1")
    place = draw.draw(st.sampled_from(_leaves(event["data"])))
    answer = await hardy.post(json.dumps({**event, "data": _put(event["data"], place, value)}).encode())
    check_refused(answer, "MALFORMED_REQUEST", "SCHEMA_INVALID", "STATE_CONFLICT")


@QUICK
@given(
    cut=st.tuples(st.integers(0, 2000), st.integers(0, 40)),
    noise=st.binary(max_size=12) | st.sampled_from([b'"id":"x",', b"NaN", b"1e999", b"\\u0000", b"\\ud800", b"[" * 70]),
)
async def test_mutated_events(hardy: Caller, cut: tuple[int, int], noise: bytes):
    """A good event with some bytes replaced is accepted or refused below 500, signed."""
    body = encode(hardy.event("guarantee.application.v1", f"DD-{secrets.token_hex(8)}"))
    answer = await hardy.post(body[: cut[0]] + noise + body[cut[0] + cut[1] :])
    assert answer.signed
    assert answer.status < 500


HEADER_BYTES = bytes(set(range(256)) - {0, 10, 13})
HEADER = st.lists(st.sampled_from(list(HEADER_BYTES)), max_size=200).map(bytes)
PARAMETER = st.sampled_from(["sender_id", "serial_no", "timestamp", "nonce_str", "signature", "x"])


@QUICK
@given(value=HEADER)
@example(value=b"")
@example(value=b"GZBZJ1-SM2-WITH-SM3")
@example(value=b"GZBZJ1-SM2-WITH-SM3 ")
@example(value=b"GZBZJ1-SM2-WITH-SM3 ,")
@example(value=b"gzbzj1-sm2-with-sm3 x")
@example(value=b"\xff\xfe")
async def test_arbitrary_authorizations(hardy: Caller, value: bytes):
    """Any header value is refused with 400 or 401, unsigned."""
    answer = await hardy.get("/v1/mailbox", authorizations=[value])
    assert (answer.status, answer.signed) in {(400, False), (401, False)}


@QUICK
@given(name=PARAMETER, value=st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=60))
@example(name="sender_id", value="ｘｍ")
@example(name="timestamp", value="１７９５２１９２００")
@example(name="timestamp", value="9999999999")
@example(name="timestamp", value="0000000000")
@example(name="timestamp", value="-179521920")
@example(name="signature", value="=")
@example(name="signature", value="MAYCAQECAQE=")
@example(name="signature", value="A" * 5000)
@example(name="nonce_str", value="é" * 20)
async def test_arbitrary_parameters(hardy: Caller, name: str, value: str):
    """Any value of any parameter that is not the signed one is refused with 400 or 401, unsigned."""
    answer = await hardy.get("/v1/mailbox", **{name: value})
    assert (answer.status, answer.signed) in {(400, False), (401, False)}


SPELLINGS = (
    lambda value: value.replace(",", " , "),
    lambda value: value.replace(",", "\t,\t"),
    lambda value: "  " + value + "  ",
    lambda value: value.split(" ", 1)[0] + " " + ",".join(reversed(value.split(" ", 1)[1].split(","))),
)


@pytest.mark.parametrize("spell", SPELLINGS)
async def test_spellings_that_are_allowed(hardy: Caller, spell: Any):
    """Parameters in any order, blanks around commas."""
    nonce = secrets.token_hex(16)
    value = spell(hardy.authorization("GET", "/v1/mailbox", b"", nonce=nonce))
    assert (await hardy.get("/v1/mailbox", nonce=nonce, authorizations=[value])).status == 200


BAD_SPELLINGS = (
    lambda value: value.replace("=", " = "),
    lambda value: value.replace('"', ""),
    lambda value: value.replace('"', "'"),
    lambda value: value.replace(",", ";"),
    lambda value: value + ",",
    lambda value: value.replace(",", ",,", 1),
    lambda value: value.replace("nonce_str", "Nonce_Str"),
    lambda value: value.replace("sender_id", "sender_id", 1) + ',sender_id="platform"',
    lambda value: value.replace('timestamp="', 'timestamp="0'),
)


@pytest.mark.parametrize("spell", BAD_SPELLINGS)
async def test_spellings_that_are_not_allowed(hardy: Caller, spell: Any):
    """An ill-formed header is 400, unsigned, although its signature would be good."""
    nonce = secrets.token_hex(16)
    value = spell(hardy.authorization("GET", "/v1/mailbox", b"", nonce=nonce))
    answer = await hardy.get("/v1/mailbox", nonce=nonce, authorizations=[value])
    assert (answer.status, answer.code, answer.signed) == (400, "MALFORMED_REQUEST", False)


TOKEN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~", min_size=1, max_size=12).filter(lambda m: m != "HEAD")
TARGET = st.lists(st.sampled_from([n for n in range(33, 256) if n != 127]), min_size=1, max_size=60).map(bytes)
CALLS = st.sampled_from([b"/v1/messages", b"/v1/mailbox", b"/v1/mailbox/1/receipt", b"/v1/keys", b"/v1/messages/a/b"])


@QUICK
@given(method=TOKEN, target=TARGET | st.tuples(CALLS, TARGET).map(b"".join))
@example(method="GET", target=b"/v1/mailbox?limit=%")
@example(method="GET", target=b"/v1/mailbox?limit=%ff&wait=\xff")
@example(method="GET", target=b"/v1/mailbox?" + b"&" * 5000)
@example(method="GET", target=b"/v1/mailbox?after=" + b"9" * 5000)
@example(method="GET", target=b"/v1/schemas/" + b"." * 5000)
@example(method="CONNECT", target=b"gateway.example:80")
@example(method="PRI", target=b"*")
async def test_arbitrary_targets_and_methods(hardy: Caller, method: str, target: bytes):
    """Any request line is answered below 500 in the form of every answer, or refused as no HTTP."""
    answer = await hardy.call(method, target, b"" if method == "GET" else b"{}")
    assert answer.status < 500


async def talk(port: int, data: bytes) -> bytes:
    """Write, end, and read all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(data)
            writer.write_eof()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@QUICK
@given(data=st.binary(max_size=400) | st.binary(max_size=60).map(lambda tail: b"POST /v1/messages HTTP/1.1\r\n" + tail))
@example(data=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
@example(data=b"GET / HTTP/9.9\r\n\r\n")
@example(data=b"POST /v1/messages HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
@example(data=b"POST /v1/messages HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
@example(data=b"POST /v1/messages HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
@example(data=b"POST /v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(data=b"POST /v1/messages HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
async def test_arbitrary_bytes_on_the_wire(hardy: Caller, data: bytes):
    """Noise is answered with 4xx in the product's form, or the connection is closed; never a page, never a 500."""
    said = await talk(hardy.gateway.port, data)
    if said:
        head, _, body = said.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        assert 400 <= status < 500
        headers = {
            b.split(b":")[0].decode().lower(): b.split(b":", 1)[1].strip().decode() for b in head.split(b"\r\n")[1:]
        }
        check_problem(Answer(status, headers, body[: int(headers["content-length"])], signed=False))


async def test_a_body_cut_short_loses_nothing(hardy: Caller):
    """A client that leaves in the middle of a signed message leaves no message and no spent nonce behind."""
    body = encode(hardy.event("guarantee.application.v1", "DD-1", id="m-1"))
    nonce = secrets.token_hex(16)
    value = hardy.authorization("POST", "/v1/messages", body, nonce=nonce)
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    await talk(hardy.gateway.port, head + body[:-1])
    assert (await hardy.get("/v1/messages/platform/m-1")).status == 404
    assert (await hardy.post(body, nonce=nonce)).status == 202


RECEIPTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "digest", "status", "code", "message", "other"), JSON)
)


@QUICK
@given(doc=RECEIPTS)
async def test_arbitrary_receipts(hardy: Caller, doc: dict[str, Any]):
    """Anything brought as a receipt is 400 or 422, and the message still waits."""
    bank = Caller(hardy.gateway, "xmccb", "xmccb")
    event = hardy.event("guarantee.application.v1", f"DD-{secrets.token_hex(8)}", id=f"r{secrets.token_hex(8)}")
    assert (await hardy.post(event)).status == 202
    shown = await hardy.gateway.store.message("platform", event["id"])
    assert shown is not None
    target = f"/v1/mailbox/{shown.delivery_id}/receipt"
    check_refused(await bank.call("POST", target, json.dumps(doc).encode()), "MALFORMED_REQUEST", "RECEIPT_INVALID")


def test_signatures_of_this_client_differ_each_time(founded):
    """SM2 signatures are randomised: the same text signed twice gives two signatures."""
    key = founded.keys["platform"]
    assert sign(key, "x") != sign(key, "x")
