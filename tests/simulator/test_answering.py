"""What an institution sends because of a message: every reply valid, fitted to it, sent once, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue import load_catalogue
from gateway.simulator import Institution, Ledger, read_ledger
from tests.simulator.conftest import Bank
from tests.simulator.fake import FakeGateway, encode, entries, make_event

CATALOGUE = load_catalogue()


async def _push(gateway: FakeGateway, institution: Institution, event: dict[str, Any]) -> None:
    body = encode(event)
    assert institution.port is not None
    pushed = await gateway.push(institution.port, body, gateway.origin(body))
    assert pushed.receipt["status"] == "ACCEPTED"


async def _converse(gateway: FakeGateway, bank: Bank, *events: dict[str, Any], kind: str = "bank") -> None:
    """Push the events one by one, each once the replies to the last are out."""
    async with bank(kind=kind) as institution:
        for event in events:
            await _push(gateway, institution, event)
            async with asyncio.timeout(20):
                await institution.sender.drain()


@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
async def test_application_is_carried_through_to_the_guarantee(
    gateway: FakeGateway, bank: Bank, ledger: Path, kind: str
) -> None:
    """An application is accepted, its fee asked for and paid, and a guarantee over its amount issued, in that order."""
    event = make_event("guarantee.application", id="A-1")
    event["data"]["amount"] = {"currency": "CNY", "fen": 5_000_000, "words": "人民币伍万元整"}
    await _converse(gateway, bank, event, kind=kind)
    replies = gateway.accepted
    assert [reply["data"].get("status", reply["type"]) for reply in replies] == [
        "accepted",
        "awaiting_fee",
        "fee_paid",
        "guarantee.issued.v1",
    ]
    assert {(reply["subject"], reply["correlationid"], reply["recipient"]) for reply in replies} == {
        ("DD-1", "A-1", "platform")
    }
    issued = replies[-1]["data"]
    assert (issued["amount"], issued["validTo"]) == (event["data"]["amount"], event["data"]["requiredValidTo"])
    assert (
        issued["guaranteeKind"]
        == {
            "bank": "bank_guarantee",
            "insurer": "insurance",
            "guarantor": "company_guarantee",
        }[kind]
    )
    assert [entry["verdict"] for entry in entries(ledger, "sent")] == ["verified"] * 4


async def test_documents_are_put_before_the_guarantee_names_them(
    gateway: FakeGateway, bank: Bank, ledger: Path
) -> None:
    """Each once, a passing fault notwithstanding; the ledger tells."""
    gateway.file_faults.append(503)
    await _converse(gateway, bank, *(make_event("guarantee.application", id=f"A-{n}") for n in (1, 2)))
    issued = gateway.accepted[-1]["data"]
    named = [issued[name]["digest"] for name in ("document", "paymentVoucher")]
    assert sorted(gateway.files) == sorted(named)
    kinds = [entry["kind"] for entry in read_ledger(ledger)]
    assert kinds.index("file") > kinds.index("sent")
    assert [entry["size"] for entry in entries(ledger, "file")] == [
        issued[name]["size"] for name in ("document", "paymentVoucher")
    ]


async def test_a_guarantee_stays_behind_when_its_document_is_refused(
    gateway: FakeGateway, bank: Bank, ledger: Path
) -> None:
    """What could not be put is not named: the refusal of the file stands in the ledger as the event's."""
    gateway.file_faults.append(403)
    await _converse(gateway, bank, make_event("guarantee.application"))
    assert [reply["type"] for reply in gateway.accepted] == ["order.status.v1"] * 3
    assert entries(ledger, "sent")[-1]["httpStatus"] == 403


ASKING = (
    "guarantee.application",
    "invoice.requested",
    "authenticity.query",
    "payment.notice",
    "release.confirmation",
)


@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
async def test_every_reply_is_valid(gateway: FakeGateway, bank: Bank, kind: str) -> None:
    """Every reply passes its type's schema, its subject that of the data, and nothing of the example shines through."""
    events = [make_event(name, subject="DD-77", kind=kind) for name in ASKING]
    await _converse(gateway, bank, *events, kind=kind)
    assert len(gateway.accepted) == 8
    for reply in gateway.accepted:
        CATALOGUE.check(reply["type"], reply)
        assert reply["data"]["orderNo"] == reply["subject"] == "DD-77"


async def test_payment_pays_each_payee_of_the_notice(gateway: FakeGateway, bank: Bank) -> None:
    """A payment notice is answered with one paid result for each of its payees, under its number."""
    event = make_event("payment.notice")
    event["data"]["noticeNo"] = "ZF-9"
    event["data"]["payees"] = [{**event["data"]["payees"][0], "payeeId": name} for name in ("a", "b", "c")]
    await _converse(gateway, bank, event)
    data = gateway.accepted[0]["data"]
    assert (data["noticeNo"], data["outcome"]) == ("ZF-9", "executed")
    assert [(result["payeeId"], result["result"]) for result in data["results"]] == [
        ("a", "paid"),
        ("b", "paid"),
        ("c", "paid"),
    ]
    assert len({result["transactionNo"] for result in data["results"]}) == 3


async def test_invoice_is_for_what_was_asked(gateway: FakeGateway, bank: Bank) -> None:
    """An invoice carries the request's number and amount."""
    event = make_event("invoice.requested")
    event["data"] |= {"requestNo": "KP-5", "amount": {"currency": "CNY", "fen": 777}}
    await _converse(gateway, bank, event)
    data = gateway.accepted[0]["data"]
    assert (data["requestNo"], data["amount"]["fen"], data["result"]) == ("KP-5", 777, "issued")


ALTERED = {
    "as issued": ({}, "genuine"),
    "other amount": ({"amount": {"currency": "CNY", "fen": 1}}, "mismatch"),
    "other document": ({"digest": "0" * 64}, "mismatch"),
    "other end": ({"validTo": "2030-01-01"}, "mismatch"),
    "unknown number": ({"guaranteeNo": "BH-0"}, "not_found"),
}


@pytest.mark.parametrize(("changes", "result"), ALTERED.values(), ids=ALTERED.keys())
async def test_authenticity_is_judged_by_what_was_issued(
    gateway: FakeGateway, bank: Bank, changes: dict[str, Any], result: str
) -> None:
    """A query is held against the guarantee that this institution issued, also after a restart."""
    await _converse(gateway, bank, make_event("guarantee.application"))
    issued = gateway.accepted[-1]["data"]
    query = make_event("authenticity.query")
    known = {"guaranteeNo": issued["guaranteeNo"], "digest": issued["document"]["digest"]}
    query["data"] |= {**known, "amount": {"currency": "CNY", "fen": issued["amount"]["fen"]}}
    query["data"] |= {"validTo": issued["validTo"], **changes}
    await _converse(gateway, bank, query)
    answer = gateway.accepted[-1]
    assert answer["data"]["result"] == result
    CATALOGUE.check(answer["type"], answer)


@pytest.mark.parametrize("variant", ["default", "account"])
async def test_release_is_completed_as_confirmed(gateway: FakeGateway, bank: Bank, variant: str) -> None:
    """A release is completed in the way that was confirmed: the original returned, or the account closed."""
    event = make_event("release.confirmation", variant=variant)
    await _converse(gateway, bank, event)
    data = gateway.accepted[0]["data"]
    for name in ("confirmationNo", "releaseKind", "guaranteeNo", "account"):
        assert data.get(name) == event["data"].get(name)
    CATALOGUE.check("release.completed.v1", gateway.accepted[0])


async def test_cancellation_is_only_receipted(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """A cancellation is an effect without a reply."""
    await _converse(gateway, bank, make_event("guarantee.cancellation"))
    assert gateway.accepted == []
    assert len(entries(ledger, "effect")) == 1


async def test_replies_left_unsent_are_sent_by_the_next_run(gateway: FakeGateway, bank: Bank, ledger: Path) -> None:
    """Replies that a stop left unsent are sent after a restart: the same bytes, in order, and none twice."""
    gateway.faults.extend([503] * 10_000)
    async with bank() as institution:
        await _push(gateway, institution, make_event("guarantee.application"))
    planned = [entry["body"].encode() for entry in entries(ledger, "outgoing")]
    assert (len(planned), gateway.accepted) == (4, [])
    gateway.faults.clear()
    gateway.bodies.clear()
    async with bank() as institution, asyncio.timeout(20):
        await institution.sender.drain()
    assert gateway.bodies == planned
    async with bank() as institution, asyncio.timeout(20):
        await institution.sender.drain()
    assert gateway.bodies == planned


def test_line_cut_short_by_a_crash_does_no_harm(ledger: Path) -> None:
    """A ledger whose last line was cut short is taken up again: the torn line is passed over, the next stands alone."""
    ledger.write_bytes(b'{"at":"2026-11-21T09:30:00.000000+08:00","kind":"rece')
    taken_up = Ledger(ledger)
    taken_up.append([{"kind": "effect", "id": "M-1"}], now=0)
    taken_up.close()
    assert [entry["id"] for entry in read_ledger(ledger)] == ["M-1"]
    assert len(ledger.read_bytes().splitlines()) == 2
