"""The verdict by itself: good papers are good, and each thing that can be wrong with them is found by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.wire.receipt import Receipt, encode_acceptance, encode_receipt
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import sign_response
from tests.chaos.verdict import Papers, judge

BANK, PLATFORM = PrivateKey.generate(), PrivateKey.generate()
NONCE = "n" * 32
Book = dict[str, Any]


def make_papers() -> Book:
    """Two messages of one subject from the platform to the bank, both well."""
    book: Book = {"sent": [], "received": {"bank": [], "platform": []}, "shown": {}}
    for place, number in enumerate(("m-1", "m-2")):
        digest = sm3_hex(number.encode())
        named = {"source": "platform", "id": number, "subject": "DD-1", "digest": digest}
        told = encode_acceptance(id=number, source="platform", receipt_no="R", digest=digest, received_us=0).decode()
        entry = {"kind": "accepted", "began": place * 10, "at": place * 10 + 5, "receipt": told, "rivals": None}
        book["sent"].append({**entry, "recipient": "bank", **named})
        book["received"]["bank"].append({"kind": "effect", "type": "guarantee.application.v1", "about": None, **named})
        book["shown"]["platform", number] = {"state": "delivered", "receipt": make_receipt(number, digest)}
    return book


def make_receipt(number: str, digest: str, key: PrivateKey = BANK) -> dict[str, Any]:
    """A pushed receipt as the gateway shows it."""
    body = encode_receipt(Receipt(id=number, digest=digest, status="ACCEPTED"))
    signed = sign_response(key, timestamp=1_795_219_200, nonce=NONCE, body=body)
    proof = {"serialNo": signed.serial_no, "timestamp": "1795219200", "nonce": NONCE, "signature": signed.signature}
    return {"body": body.decode(), "method": None, "path": None, **proof}


def words(book: Book) -> list[str]:
    """What the verdict finds, each fault by its first word."""
    keys = {"bank": BANK.public, "platform": PLATFORM.public}
    return [fault.split(":")[0] for fault in judge(Papers(**book, keys=keys)).faults]


def bank(book: Book) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = book["received"]["bank"]
    return entries


def shown(book: Book, number: str = "m-2") -> dict[str, Any]:
    doc: dict[str, Any] = book["shown"]["platform", number]
    return doc


def fail(book: Book) -> None:
    """The second message is a dead letter."""
    bank(book).pop()
    shown(book).update(state="failed", receipt=None)


def test_good_papers_are_good():
    """Nothing is found, and everything is counted."""
    keys = {"bank": BANK.public, "platform": PLATFORM.public}
    verdict = judge(Papers(**make_papers(), keys=keys))
    assert verdict.good
    assert (verdict.sent, verdict.accepted, verdict.delivered, verdict.duplicates) == (2, 2, 2, 0)


def test_no_papers_are_not_good():
    """A run without traffic proves nothing."""
    assert not judge(Papers(sent=[], received={}, shown={}, keys={})).good


def test_a_dead_letter_that_was_told_is_good():
    """The sender's own ledger has the gateway's message about it."""
    book = make_papers()
    fail(book)
    told = {"kind": "effect", "source": "gateway", "id": "failed-1", "type": "message.failed.v1", "subject": "DD-1"}
    book["received"]["platform"].append({**told, "digest": "", "about": ["platform", "m-2"]})
    assert words(book) == []


SPOILED: dict[str, Callable[[Book], object]] = {
    "lost": lambda book: bank(book).pop(),
    "doubled": lambda book: bank(book).append(dict(bank(book)[1])),
    "altered": lambda book: bank(book)[1].update(digest="0" * 64),
    "disordered": lambda book: bank(book).reverse(),
    "forged": lambda book: bank(book).append({"kind": "forged", "source": "?", "id": "?"}),
    "stuck": lambda book: shown(book).update(state="delivering", receipt=None),
    "untold": fail,
    "unproved": lambda book: shown(book).update(receipt=make_receipt("m-2", sm3_hex(b"m-2"), PLATFORM)),
    "unequal": lambda book: book["sent"].append({**book["sent"][0], "kind": "repeated", "receipt": "{}"}),
    "refused": lambda book: book["sent"].append(
        {**book["sent"][0], "kind": "refused", "id": "m-3", "answer": "409", "rivals": None}
    ),
    "contradiction": lambda book: [entry.update(rivals="DD-1") for entry in book["sent"]],
    "mistaken": lambda book: book["sent"][1].update(
        receipt=json.dumps({"source": "platform", "id": "m-9", "digest": ""})
    ),
}


@pytest.mark.parametrize("word", SPOILED)
def test_each_fault_is_found(word: str):
    """And nothing else is."""
    book = make_papers()
    SPOILED[word](book)
    assert words(book) == [word]


@pytest.mark.parametrize("number", ["m-1", "m-3"])
def test_a_receipt_for_another_message_proves_nothing(number: str):
    """It must name the id and the digest of what it stands for."""
    book = make_papers()
    shown(book)["receipt"] = make_receipt(number, sm3_hex(b"m-2"))
    assert words(book) == ["unproved"]
