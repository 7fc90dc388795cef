"""What a counterpart does with a message: receipt or refusal, evidence in the ledger, one effect."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.conftest import Bank
from tests.simulator.fake import FakeGateway, digest, encode, entries, make_event

CANCEL = "guarantee.cancellation.v1"


async def test_good_push_earns_a_signed_receipt(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """A message of the platform earns ACCEPTED with its id and digest, signed by the bank, and stands in the ledger."""
    body = encode(make_event(CANCEL, id="M-1"))
    async with bank() as institution:
        pushed = await gateway.push(institution.port, body, gateway.origin(body))
    gateway.verify(pushed, "xmccb")
    assert (pushed.answer.status, pushed.receipt) == (
        200,
        {"id": "M-1", "digest": digest(body), "status": "ACCEPTED"},
    )
    received = entries(ledger, "received")[0]
    assert (received["origin"], received["via"], received["delivery"], received["attempt"]) == (
        "verified",
        "push",
        "7",
        1,
    )
    assert received["body"].encode() == body
    assert [entry["id"] for entry in entries(ledger, "effect")] == ["M-1"]


async def test_duplicate_earns_the_same_receipt_and_no_second_effect(
    gateway: FakeGateway, bank: Bank, ledger: Path
) -> None:
    """The same bytes again, pushed twice at once and after a restart, earn the same receipt; the effect is one."""
    body = encode(make_event(CANCEL, id="M-1"))
    async with bank() as institution:
        twins = [gateway.push(institution.port, body, gateway.origin(body)) for _ in range(2)]
        answers = list(await asyncio.gather(*twins))
    async with bank() as institution:
        answers.append(await gateway.push(institution.port, body, gateway.origin(body)))
    assert len({pushed.answer.body for pushed in answers}) == 1
    assert [entry["duplicate"] for entry in entries(ledger, "received")] == [False, True, True]
    assert len(entries(ledger, "effect")) == 1


async def test_id_with_other_bytes_is_refused(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """An id that is held already is refused with other bytes, and what was held stays."""
    first = encode(make_event(CANCEL, id="M-1"))
    async with bank() as institution:
        await gateway.push(institution.port, first, gateway.origin(first))
        second = first.replace(b'"specversion"', b' "specversion"')
        pushed = await gateway.push(institution.port, second, gateway.origin(second))
        again = await gateway.push(institution.port, first, gateway.origin(first))
    assert pushed.receipt["code"] == "MESSAGE_ID_CONFLICT"
    assert again.receipt["status"] == "ACCEPTED"


def _mangle(gateway: FakeGateway, case: str) -> tuple[bytes, str | None]:
    event = make_event(CANCEL, recipient="otherbank" if case == "recipient" else "xmccb")
    body = encode(event)
    origins: dict[str, Any] = {
        "missing": lambda: None,
        "ill-formed": lambda: "GZBZJ1-SM2-WITH-SM3 nonsense",
        "another's": lambda: gateway.origin(body, signer="xmccb"),
        "forged": lambda: gateway.origin(body, signer="stranger", sender_id="platform"),
        "other bytes": lambda: gateway.origin(body + b" "),
        "recipient": lambda: gateway.origin(body),
    }
    return body, origins[case]()


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("recipient", "RECIPIENT_NOT_PERMITTED"),
        ("missing", "AUTH_MISSING"),
        ("ill-formed", "MALFORMED_REQUEST"),
        ("another's", "SOURCE_MISMATCH"),
        ("forged", "KEY_UNKNOWN"),
        ("other bytes", "SIGNATURE_INVALID"),
    ],
)
async def test_what_is_not_proven_is_refused(
    gateway: FakeGateway, bank: Bank, ledger: Path, case: str, code: str
) -> None:
    """A message for another or without a good origin earns a signed REFUSED with its code, and no effect."""
    body, origin = _mangle(gateway, case)
    async with bank() as institution:
        pushed = await gateway.push(institution.port, body, origin)
    gateway.verify(pushed, "xmccb")
    assert (pushed.receipt["status"], pushed.receipt["code"]) == ("REFUSED", code)
    assert pushed.receipt["message"]
    assert entries(ledger, "effect") == []
    assert entries(ledger, "received")[0]["origin"] == code


async def test_refusal_does_not_use_up_the_id(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """A message refused for its origin is accepted when it comes with a good one."""
    body = encode(make_event(CANCEL))
    async with bank() as institution:
        refused = await gateway.push(institution.port, body, None)
        accepted = await gateway.push(institution.port, body, gateway.origin(body))
    assert [pushed.receipt["status"] for pushed in (refused, accepted)] == ["REFUSED", "ACCEPTED"]


async def test_stranger_gets_no_receipt(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """A push that the gateway did not sign, is too old, or comes twice is answered 401 and leaves no trace."""
    body = encode(make_event(CANCEL))
    origin = gateway.origin(body)
    posing = gateway.authorize(body, "/in", signer="stranger", sender_id="gateway")
    honest = gateway.authorize(body, "/in", signer="platform")
    elsewhere = gateway.authorize(body, "/out", signer="gateway")
    late = gateway.authorize(body, "/in", signer="gateway", skew=-400)
    async with bank() as institution:
        codes = [await _refusal(gateway, institution.port, body, origin, header) for header, _ in (posing, honest)]
        codes += [await _refusal(gateway, institution.port, body, origin, header) for header, _ in (elsewhere, late)]
        assert codes == ["KEY_UNKNOWN", "KEY_UNKNOWN", "SIGNATURE_INVALID", "TIMESTAMP_OUT_OF_WINDOW"]
        assert entries(ledger, "received") == []
        good, _ = gateway.authorize(body, "/in", signer="gateway")
        assert (await gateway.push(institution.port, body, origin, authorization=good)).answer.status == 200
        assert await _refusal(gateway, institution.port, body, origin, good) == "NONCE_REPLAYED"


async def _refusal(gateway: FakeGateway, port: int | None, body: bytes, origin: str, authorization: str) -> str:
    assert port is not None
    pushed = await gateway.push(port, body, origin, authorization=authorization)
    assert pushed.answer.status == 401
    return json.loads(pushed.answer.body)["code"]


async def test_unknown_key_is_no_refusal_while_the_list_is_away(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """While the key list cannot be fetched an unknown sender key is answered 503, to be tried again, never REFUSED."""
    gateway.keys_down = True
    body = encode(make_event(CANCEL))
    async with bank() as institution:
        away = await gateway.push(institution.port, body, gateway.origin(body))
        gateway.keys_down = False
        back = await gateway.push(institution.port, body, gateway.origin(body))
    assert (away.answer.status, away.receipt["code"]) == (503, "UNAVAILABLE")
    assert back.receipt["status"] == "ACCEPTED"


async def test_body_without_an_id_gets_a_problem(gateway: FakeGateway, bank: Bank) -> None:
    """Bytes that are no message have no id to receipt: a signed problem, no receipt."""
    async with bank() as institution:
        pushed = await gateway.push(institution.port, b"[]", None)
    gateway.verify(pushed, "xmccb")
    assert (pushed.answer.status, pushed.receipt["code"]) == (400, "MALFORMED_REQUEST")


async def test_pulling_bank_posts_its_receipts(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """On the mailbox the bank takes each message, posts a receipt for it and asks again; refusals are receipts too."""
    good, wrong = (encode(make_event(CANCEL, id=name)) for name in ("M-1", "M-2"))
    async with bank(port=None):
        gateway.stand("d1", good, gateway.origin(good))
        await gateway.until_receipts(1)
        gateway.stand("d2", wrong, gateway.origin(good))
        await gateway.until_receipts(2)
    first, second = (json.loads(receipt) for _, receipt in gateway.receipts[:2])
    assert (first["id"], first["digest"], first["status"]) == ("M-1", digest(good), "ACCEPTED")
    assert (second["status"], second["code"]) == ("REFUSED", "SIGNATURE_INVALID")
    assert {entry["via"] for entry in entries(ledger, "received")} == {"pull"}


async def test_first_key_is_learned_when_none_is_pinned(gateway: FakeGateway, bank: Bank) -> None:
    """In development a counterpart without a pinned key takes the gateway's from its first answer."""
    body = encode(make_event(CANCEL))
    async with bank(pinned=()) as institution:
        pushed = await gateway.push(institution.port, body, gateway.origin(body))
    assert pushed.receipt["status"] == "ACCEPTED"


async def test_list_under_an_untrusted_signature_is_not_taken(gateway: FakeGateway, bank: Bank) -> None:
    """With another key pinned, the list of this gateway proves nothing and its pushes stay unproven."""
    body = encode(make_event(CANCEL))
    async with bank(pinned=(gateway.keys["stranger"].public,)) as institution:
        pushed = await gateway.push(institution.port, body, gateway.origin(body))
    assert (pushed.answer.status, pushed.receipt["code"]) == (503, "UNAVAILABLE")
