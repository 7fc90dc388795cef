"""What can be wrong with one message, in the order in which section 7 checks: each fault spoils a good request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.protocol.caller import Answer, Caller, encode

MIB = 1024 * 1024
KNOWN_ID = "known-1"
SPENT_NONCE = "spent0123456789abcdef"


@dataclass
class Draft:
    """A request to be: a good payment notice until a fault has touched it."""

    event: dict[str, Any]
    key: str = "platform"
    options: dict[str, Any] = field(default_factory=dict)
    rewrite: Callable[[str], list[str]] = lambda value: [value]
    raw: Callable[[bytes], bytes] = lambda body: body
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: the code it earns and how to make it. `proved` tells that the signature verified before it."""

    name: str
    code: str
    status: int
    spoil: Callable[[Draft], None]
    proved: bool = True
    pointers: tuple[str, ...] | None = None


def _header(rewrite: Callable[[str], list[str]]) -> Callable[[Draft], None]:
    def spoil(draft: Draft) -> None:
        draft.rewrite = rewrite

    return spoil


def _option(**options: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.options.update(options)


def _attribute(**attributes: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.event.update(attributes)


def _key(name: str) -> Callable[[Draft], None]:
    def spoil(draft: Draft) -> None:
        draft.key = name

    return spoil


def _too_long(draft: Draft) -> None:
    draft.options["chunked"] = True
    raw = draft.raw
    draft.raw = lambda body: raw(body) + b" " * MIB


def _cut_short(draft: Draft) -> None:
    raw = draft.raw
    draft.raw = lambda body: raw(body.replace(b"}", b"", 1))


def _limit(draft: Draft) -> None:
    draft.limited = True


def _drop_member(draft: Draft) -> None:
    draft.event["data"] = {name: value for name, value in draft.event["data"].items() if name != "noticeNo"}


def _unknown_order(draft: Draft) -> None:
    draft.event["subject"] = "DD-NONE"
    draft.event["data"] = {**draft.event["data"], "orderNo": "DD-NONE"}


def _wrong_sum(draft: Draft) -> None:
    payee, *others = draft.event["data"]["payees"]
    amount = {**payee["amount"], "fen": payee["amount"]["fen"] - 1}
    draft.event["data"] = {**draft.event["data"], "payees": [{**payee, "amount": amount}, *others]}


# From the first check to the last. Two of one group exclude each other and are never combined.
FAULTS = (
    (
        Fault("no header", "AUTH_MISSING", 401, _header(lambda _: []), proved=False),
        Fault("two headers", "MALFORMED_REQUEST", 400, _header(lambda value: [value, value]), proved=False),
        Fault(
            "another scheme",
            "AUTH_SCHEME_UNSUPPORTED",
            401,
            _header(lambda value: ["Bearer" + value[value.index(" ") :]]),
            proved=False,
        ),
        Fault("a stray parameter", "MALFORMED_REQUEST", 400, _header(lambda value: [value + ',x="1"']), proved=False),
    ),
    (
        Fault("no such key", "KEY_UNKNOWN", 401, _key("unknown"), proved=False),
        Fault("another's key", "KEY_UNKNOWN", 401, _key("xmccb"), proved=False),
        Fault("the gateway's name", "KEY_UNKNOWN", 401, _option(sender_id="gateway"), proved=False),
    ),
    (
        Fault("an old timestamp", "TIMESTAMP_OUT_OF_WINDOW", 401, _option(shift=-301), proved=False),
        Fault("an early timestamp", "TIMESTAMP_OUT_OF_WINDOW", 401, _option(shift=301), proved=False),
    ),
    (
        Fault("declared too large", "BODY_TOO_LARGE", 413, _option(declared=MIB + 1), proved=False),
        Fault("sent too large", "BODY_TOO_LARGE", 413, _too_long, proved=False),
    ),
    (
        Fault("no DER", "SIGNATURE_MALFORMED", 401, _option(signature="AAAA"), proved=False),
        Fault("other bytes signed", "SIGNATURE_INVALID", 401, _option(over=b"{}"), proved=False),
    ),
    (Fault("a spent nonce", "NONCE_REPLAYED", 401, _option(nonce=SPENT_NONCE)),),
    (Fault("too often", "RATE_LIMITED", 429, _limit),),
    (
        Fault("another media type", "UNSUPPORTED_MEDIA_TYPE", 415, _option(media="text/plain")),
        Fault("packed", "UNSUPPORTED_MEDIA_TYPE", 415, _option(headers=[("Content-Encoding", "gzip")])),
    ),
    (Fault("JSON cut short", "MALFORMED_REQUEST", 400, _cut_short, pointers=("",)),),
    (Fault("no time", "MALFORMED_REQUEST", 400, _attribute(time="yesterday"), pointers=("/time",)),),
    (Fault("another's name", "SOURCE_MISMATCH", 403, _attribute(source="picc")),),
    (Fault("a used id", "MESSAGE_ID_CONFLICT", 409, _attribute(id=KNOWN_ID)),),
    (Fault("no such type", "TYPE_UNKNOWN", 422, _attribute(type="no.such.v1"), pointers=("/type",)),),
    (
        Fault("nobody", "RECIPIENT_NOT_PERMITTED", 403, _attribute(recipient="nobody"), pointers=("/recipient",)),
        Fault("not live", "INSTITUTION_NOT_LIVE", 403, _attribute(recipient="newbank")),
    ),
    (Fault("no notice number", "SCHEMA_INVALID", 422, _drop_member, pointers=("/data/noticeNo",)),),
    (
        Fault("no such order", "STATE_CONFLICT", 409, _unknown_order, pointers=("/subject",)),
        Fault("another's order", "STATE_CONFLICT", 409, _attribute(recipient="picc"), pointers=("/subject",)),
    ),
    (Fault("a wrong sum", "RULE_VIOLATED", 422, _wrong_sum, pointers=("/data/total/fen",)),),
)


async def prepare(platform: Caller, bank: Caller) -> None:
    """An order in force, a used id and a spent nonce, as the faults need them."""
    application = platform.event("guarantee.application.v1", "DD-1", id=KNOWN_ID)
    assert (await platform.post(application)).status == 202
    assert (await bank.post(bank.event("guarantee.issued.v1", "DD-1"))).status == 202
    assert (await platform.get("/v1/mailbox", nonce=SPENT_NONCE)).status == 200


def draft(platform: Caller) -> Draft:
    """A good request."""
    return Draft(platform.event("payment.notice.v1", "DD-1"))


async def send(platform: Caller, request: Draft, *, nonce: str) -> Answer:
    """Write the request and read its answer; `nonce` stands unless a fault chose one."""
    gateway, options = platform.gateway, dict(request.options)
    body = request.raw(encode(request.event))
    shift, nonce = options.pop("shift", 0), options.pop("nonce", nonce)
    timestamp = gateway.clock.now() // 1_000_000 + shift
    given = {name: options.pop(name) for name in ("sender_id", "signature") if name in options}
    over = options.pop("over", body)
    client = Caller(gateway, platform.sender, request.key)
    value = client.authorization("POST", "/v1/messages", over, nonce=nonce, timestamp=timestamp, **given)
    buckets = gateway.parts.gate._by_sender
    if request.limited:
        buckets._levels["platform"] = (0.0, gateway.clock.now())
    try:
        return await client.post(body, nonce=nonce, authorizations=request.rewrite(value), **options)
    finally:
        buckets._levels.clear()
