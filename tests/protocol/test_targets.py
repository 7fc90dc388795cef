"""Request targets, taken as they stand on the request line; who may call what (protocol section 5)."""

from __future__ import annotations

import secrets

import pytest

from tests.protocol.caller import Answer, Caller, encode
from tests.protocol.faults import MIB

NO_CALLS = (
    ("POST", "/v1/messages?x"),
    ("POST", "/v1/messages?"),
    ("POST", "/v1/messages/"),
    ("POST", "//v1/messages"),
    ("POST", "/v1//messages"),
    ("POST", "/v1/./messages"),
    ("POST", "/v1/%6Dessages"),
    ("POST", "/v1%2Fmessages"),
    ("POST", "/V1/messages"),
    ("POST", "http://gateway.example/v1/messages"),
    ("POST", "/v1/messages;a=b"),
    ("PUT", "/v1/messages"),
    ("GET", "/v1/messages"),
    ("GET", "/v1/messages/xmccb"),
    ("GET", "/v1/messages/xmccb/a%2Fb"),
    ("DELETE", "/v1/messages/platform/m1"),
    ("POST", "/v1/mailbox"),
    ("GET", "/v1/mailbox/1/receipt"),
    ("GET", "/v1/mailbox/"),
    ("POST", "/v1/keys"),
    ("GET", "/"),
    ("GET", "/v1"),
    ("GET", "/v1/schemas/../keys"),
    ("OPTIONS", "*"),
)


@pytest.mark.parametrize(("method", "target"), NO_CALLS, ids=str)
async def test_what_is_no_call_is_not_found(platform: Caller, method: str, target: str | bytes):
    """404, signed when the request proved its sender, unsigned when it did not; nothing is unescaped or resolved."""
    body = b"" if method == "GET" else encode(platform.event("guarantee.application.v1", "DD-1", id="m1"))
    nonce = secrets.token_hex(16)
    proved = await platform.call(method, target, body, nonce=nonce)
    assert (proved.status, proved.code, proved.signed) == (404, "NOT_FOUND", True)
    for spoiled in ({"authorizations": []}, {"over": b"other"}, {"serial_no": "0" * 40}):
        answer = await platform.call(method, target, body, **spoiled)
        assert (answer.status, answer.code, answer.signed) == (404, "NOT_FOUND", False)
    again = await platform.call(method, target, body, nonce=nonce)
    assert (again.status, again.signed) == (404, True)
    assert (await platform.get("/v1/mailbox", nonce=nonce)).code == "NONCE_REPLAYED"
    assert (await platform.get("/v1/messages/platform/m1")).status == 404


async def test_a_large_message_to_no_call_is_not_found(platform: Caller):
    """The body of a misdirected message counts up to the limit of messages; beyond it the 404 is unsigned."""
    answers = [
        await platform.call("POST", "/v1/message", b" " * size, chunked=chunked)
        for size in (MIB, MIB + 1)
        for chunked in (False, True)
    ]
    assert [(answer.status, answer.signed) for answer in answers] == [(404, True)] * 2 + [(404, False)] * 2


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/messages"),
        ("GET", "/v1/messages/platform/m1"),
        ("GET", "/v1/mailbox"),
        ("POST", "/v1/mailbox/1/receipt"),
    ],
)
async def test_these_calls_need_authorization(platform: Caller, method: str, target: str):
    """Without one, or with nothing in it, they are 401 AUTH_MISSING, unsigned."""
    body = b"" if method == "GET" else b"{}"
    for none in ([], [""], [" \t"]):
        answer = await platform.call(method, target, body, authorizations=none)
        assert (answer.status, answer.code, answer.signed) == (401, "AUTH_MISSING", False)


OPEN = ("/v1/keys", "/v1/schemas", "/v1/schemas/payment.notice.v1", "/healthz", "/readyz", "/metrics")


@pytest.mark.parametrize("target", OPEN)
async def test_open_calls_check_what_they_are_given(platform: Caller, target: str):
    """Open to all; an Authorization that is sent is checked, its nonce spent, and the answer signed."""
    for none in ([], [""]):
        bare = await platform.get(target, authorizations=none)
        assert (bare.status, bare.signed) == (200, False)
    nonce = secrets.token_hex(16)
    asked = await platform.get(target, nonce=nonce)
    assert (asked.status, asked.signed) == (200, True)
    again = await platform.get(target, nonce=nonce)
    assert (again.code, again.signed) == ("NONCE_REPLAYED", True)
    wrong = await platform.get(target, over=b"other")
    assert (wrong.code, wrong.signed) == ("SIGNATURE_INVALID", False)
    basic = await platform.get(target, authorizations=["Basic YTpi"])
    assert (basic.code, basic.signed) == ("AUTH_SCHEME_UNSUPPORTED", False)


async def test_the_query_is_under_the_signature(platform: Caller):
    """A query other than the signed one is SIGNATURE_INVALID; the body of a GET counts as well."""
    value = platform.authorization("GET", "/v1/mailbox?limit=1", b"", nonce="n" * 20)
    answer = await platform.get("/v1/mailbox?limit=2", authorizations=[value])
    assert answer.code == "SIGNATURE_INVALID"
    assert (await platform.call("GET", "/v1/mailbox", b"x")).status == 200
    assert (await platform.call("GET", "/v1/mailbox", b"x", over=b"")).code == "SIGNATURE_INVALID"


@pytest.mark.parametrize("target", ["/v1/消息".encode(), b"/v1/\xff", b"/v1/a b", b""])
async def test_what_is_no_http_is_refused_unsigned(platform: Caller, target: bytes):
    """A request line that HTTP does not allow is 400 in the form of every refusal."""
    answer = await platform.call("GET", target)
    assert (answer.status, answer.code, answer.signed) == (400, "MALFORMED_REQUEST", False)


def _owners(answer: Answer) -> set[str]:
    return {key["ownerId"] for key in answer.doc["keys"]}


async def test_keys_are_shown_by_who_asks(platform: Caller, bank: Caller):
    """Everybody sees the gateway's and the platform's; the platform sees the institutions' too, ended ones listed."""
    shared = {"gateway", "platform"}
    assert _owners(await bank.get("/v1/keys", authorizations=[])) == shared
    assert _owners(await bank.get("/v1/keys")) == shared
    everything = await platform.get("/v1/keys")
    assert _owners(everything) == {*shared, "xmccb", "picc", "newbank"}
    statuses = {key["serialNo"]: key["status"] for key in everything.doc["keys"]}
    keys = platform.gateway.keys
    shown = {name: statuses[keys[name].serial_no] for name in ("xmccb", "next", "retired", "revoked", "expired")}
    assert shown == {
        "xmccb": "active",
        "next": "next",
        "retired": "retired",
        "revoked": "revoked",
        "expired": "retired",
    }


async def test_a_key_has_every_field(platform: Caller):
    """The fields of section 5, and a PEM that is the key of its serial."""
    answer = await platform.get("/v1/keys", authorizations=[])
    own = next(key for key in answer.doc["keys"] if key["ownerId"] == "gateway")
    public = platform.gateway.keys["gateway"].public
    assert own["publicKey"] == public.to_pem()
    assert (own["serialNo"], own["use"], own["algorithm"]) == (public.serial_no, "sign", "SM2")
    assert own["notBefore"] < own["notAfter"]
    assert own["notAfter"].endswith("+08:00")


async def test_schemas_are_served_by_type(platform: Caller):
    """The list names every type; each schema is there whole, and an unknown one is 404."""
    listed = await platform.get("/v1/schemas", authorizations=[])
    types = [row["type"] for row in listed.doc["schemas"]]
    assert {"guarantee.application.v1", "payment.notice.v1", "message.failed.v1"} <= set(types)
    for type_ in types:
        schema = (await platform.get(f"/v1/schemas/{type_}", authorizations=[])).doc
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert '"$ref":"common' not in str(schema)
    unknown = await platform.get("/v1/schemas/no.such.v1")
    assert (unknown.status, unknown.code, unknown.signed) == (404, "NOT_FOUND", True)
