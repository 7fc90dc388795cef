"""Every code of protocol section 7 is reachable, with its status, signed exactly when the signature had verified."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import pytest

from gateway.core.errors import CODES
from gateway.core.party import Standing
from gateway.ports import StoreUnavailable
from tests.protocol.caller import Answer, Caller
from tests.protocol.faults import FAULTS, draft, prepare, send

# As the table of section 7 stands, written out once more.
TABLE = {
    400: {"MALFORMED_REQUEST"},
    401: {
        "AUTH_MISSING",
        "AUTH_SCHEME_UNSUPPORTED",
        "KEY_UNKNOWN",
        "KEY_NOT_ACTIVE",
        "SIGNATURE_MALFORMED",
        "SIGNATURE_INVALID",
        "TIMESTAMP_OUT_OF_WINDOW",
        "NONCE_REPLAYED",
    },
    403: {
        "SOURCE_MISMATCH",
        "TYPE_NOT_PERMITTED",
        "RECIPIENT_NOT_PERMITTED",
        "INSTITUTION_NOT_LIVE",
        "INSTITUTION_SUSPENDED",
    },
    404: {"NOT_FOUND"},
    409: {"MESSAGE_ID_CONFLICT", "STATE_CONFLICT"},
    413: {"BODY_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    422: {"TYPE_UNKNOWN", "SCHEMA_INVALID", "RULE_VIOLATED", "RECEIPT_INVALID"},
    429: {"RATE_LIMITED"},
    500: {"INTERNAL"},
    503: {"UNAVAILABLE"},
}
UNPROVED = {
    "AUTH_MISSING",
    "AUTH_SCHEME_UNSUPPORTED",
    "KEY_UNKNOWN",
    "KEY_NOT_ACTIVE",
    "SIGNATURE_MALFORMED",
    "SIGNATURE_INVALID",
    "TIMESTAMP_OUT_OF_WINDOW",
    "BODY_TOO_LARGE",
}


async def _key_not_active(platform: Caller, bank: Caller) -> Answer:
    return await Caller(bank.gateway, "xmccb", "revoked").get("/v1/mailbox")


async def _type_not_permitted(platform: Caller, bank: Caller) -> Answer:
    return await bank.post(bank.event("payment.notice.v1", "DD-1"))


async def _suspended(platform: Caller, bank: Caller) -> Answer:
    await platform.gateway.change("xmccb", standing=Standing.SUSPENDED)
    return await platform.post(platform.event("guarantee.application.v1", "DD-2"))


async def _not_found(platform: Caller, bank: Caller) -> Answer:
    return await bank.get("/v1/messages/platform/none")


async def _receipt_invalid(platform: Caller, bank: Caller) -> Answer:
    waiting = await bank.mailbox()
    body = b'{"id":"other","digest":"%s","status":"ACCEPTED"}' % (b"0" * 64)
    return await bank.call("POST", f"/v1/mailbox/{waiting[0]['deliveryId']}/receipt", body)


def _failing(error: Exception) -> Callable[[Caller, Caller], Awaitable[Answer]]:
    async def ask(platform: Caller, bank: Caller) -> Answer:
        async def fail(_: object) -> None:
            raise error

        store = platform.gateway.store
        store.accept = fail  # type: ignore[method-assign,assignment]
        try:
            return await platform.post(platform.event("guarantee.application.v1", "DD-3"))
        finally:
            del store.accept  # type: ignore[attr-defined]

    return ask


def _spoiled(code: str) -> Callable[[Caller, Caller], Awaitable[Answer]]:
    *_, fault = (fault for group in FAULTS for fault in group if fault.code == code)

    async def ask(platform: Caller, bank: Caller) -> Answer:
        request = draft(platform)
        fault.spoil(request)
        return await send(platform, request, nonce=secrets.token_hex(16))

    return ask


WAYS = {fault.code: _spoiled(fault.code) for group in FAULTS for fault in group} | {
    "KEY_NOT_ACTIVE": _key_not_active,
    "TYPE_NOT_PERMITTED": _type_not_permitted,
    "INSTITUTION_SUSPENDED": _suspended,
    "NOT_FOUND": _not_found,
    "RECEIPT_INVALID": _receipt_invalid,
    "INTERNAL": _failing(RuntimeError("as the test wants it")),
    "UNAVAILABLE": _failing(StoreUnavailable("as the test wants it")),
}


def test_the_table_is_the_protocol_s():
    """The product knows the codes of section 7 with their statuses, no more and no fewer."""
    assert {code: row.status for code, row in CODES.items()} == {
        code: status for status, codes in TABLE.items() for code in codes
    }
    assert set(WAYS) == set(CODES)


@pytest.mark.parametrize("code", sorted(WAYS))
async def test_a_code_is_reached(platform: Caller, bank: Caller, code: str):
    """Status, code, signature; `Retry-After` in whole seconds where the sender may come again."""
    await prepare(platform, bank)
    answer = await WAYS[code](platform, bank)
    assert (answer.code, answer.status) == (code, CODES[code].status)
    assert answer.signed == (code not in UNPROVED)
    assert ("retry-after" in answer.headers) == (code in {"RATE_LIMITED", "UNAVAILABLE"})
    assert int(answer.headers.get("retry-after", "1")) >= 1


async def test_an_unavailable_store_uses_nothing_up(platform: Caller, bank: Caller):
    """After 503 and after 500 the same message is accepted as a new one."""
    await prepare(platform, bank)
    event = platform.event("guarantee.application.v1", "DD-3", id="again")
    for error in (StoreUnavailable("gone"), RuntimeError("broken")):
        assert (await _failing(error)(platform, bank)).status >= 500
    assert (await platform.post(event)).status == 202


async def test_nothing_of_the_inside_is_told(platform: Caller, bank: Caller):
    """An internal fault shows its code and a request id that the log knows, and no word of its cause."""
    await prepare(platform, bank)
    answer = await WAYS["INTERNAL"](platform, bank)
    assert b"as the test wants it" not in answer.body
    assert b"Traceback" not in answer.body
    [logged] = [event for event in platform.gateway.log.named("http.refused") if event["code"] == "INTERNAL"]
    assert logged["request_id"] == answer.doc["requestId"]


async def test_addresses_are_counted_before_the_proof(platform: Caller):
    """Unproved requests use up their address's allowance: 429, unsigned; proved ones do not."""
    buckets = platform.gateway.parts.gate._by_address
    buckets.burst = 3
    for _ in range(6):
        assert (await platform.get("/v1/mailbox")).status == 200
    codes = [(await platform.get("/v1/mailbox", over=b"x")).code for _ in range(5)]
    assert codes == ["SIGNATURE_INVALID"] * 3 + ["RATE_LIMITED"] * 2
    platform.gateway.clock.advance(1)
    assert (await platform.get("/v1/mailbox")).status == 200


async def test_a_rule_names_itself_and_its_basis(platform: Caller, bank: Caller):
    """RULE_VIOLATED carries the rule's id and its legal basis."""
    await prepare(platform, bank)
    [error] = (await WAYS["RULE_VIOLATED"](platform, bank)).doc["errors"]
    assert (error["rule"], error["pointer"]) == ("payment-notice-sum", "/data/total/fen")
    assert error["basis"]
