"""Makes what the store's tests feed it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import count
from typing import Any

from gateway.core.effects import Effects, Held
from gateway.core.errors import Problem
from gateway.core.intake import Draft, Item, Nonce
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.core.party import Key, KeyStatus, Party, Standing
from gateway.ports import Audit, Proof

NOW = 1_795_219_200_000_000
SECOND = 1_000_000
AUDIT = Audit(actor="ops", action="test", about="store", reason="because")

_nonces = count(1)


def make_message(number: str = "m1", **fields: Any) -> Message:
    """A message of the bank to the platform; the digest follows the body."""
    values = {
        "source": "xmccb",
        "id": number,
        "type": "guarantee.issued.v1",
        "subject": "S1",
        "recipient": "platform",
        "correlation_id": None,
        "digest": sha256(fields.get("body", b"{}")).hexdigest(),
        "body": b"{}",
        "origin": "GZBZJ1-SM2-WITH-SM3 ...",
        "received_at": NOW,
        "receipt_no": f"R-{number}",
        "receipt": f'{{"id":"{number}"}}'.encode(),
    }
    return Message(**values | fields)


def keep_order(held: Held) -> Effects:
    """A plan that changes nothing."""
    return Effects(order=held.order)


def make_item(
    message: Message | None = None,
    *,
    nonce: str | None = None,
    refusal: Problem | None = None,
    late_refusal: Problem | None = None,
    plan: Callable[[Held], Effects] = keep_order,
) -> Item:
    """A request with a nonce of its own unless one is named; `late_refusal` is a verdict after the id."""
    draft = None if message is None else Draft(message=message, refusal=late_refusal, plan=plan)
    value = nonce or f"nonce{next(_nonces):020d}"
    return Item(nonce=Nonce(serial_no="AB" * 20, value=value), at=NOW, refusal=refusal, draft=draft)


def make_order(subject: str = "S1", **fields: Any) -> Order:
    """An order in force."""
    values = {
        "subject": subject,
        "platform": "platform",
        "institution": "xmccb",
        "institution_kind": "bank",
        "state": "issued",
        "since": NOW,
        "amount_fen": 100_000_000,
        "case_no": "C1",
    }
    return Order(**values | fields)


def make_proof(delivery_id: int, status: str = "ACCEPTED", **fields: Any) -> Proof:
    """A good receipt."""
    values = {
        "delivery_id": delivery_id,
        "status": status,
        "body": b'{"status":"' + status.encode() + b'"}',
        "serial_no": "CD" * 20,
        "timestamp": NOW // SECOND,
        "nonce": "n" * 20,
        "signature": "MEUC",
        "at": NOW,
    }
    return Proof(**values | fields)


def make_party(number: str = "xmccb", **fields: Any) -> Party:
    """A live bank that is pushed to."""
    values = {
        "id": number,
        "role": "institution",
        "kind": "bank",
        "name": "厦门建行",
        "standing": Standing.LIVE,
        "adapter": "native",
        "endpoint": "https://bank.example/messages",
    }
    return Party(**values | fields)


def make_key(serial_no: str = "AB" * 20, owner_id: str = "xmccb", **fields: Any) -> Key:
    """An active key."""
    values = {
        "owner_id": owner_id,
        "serial_no": serial_no,
        "public_pem": "-----BEGIN PUBLIC KEY-----",
        "status": KeyStatus.ACTIVE,
        "not_before": NOW,
        "not_after": NOW + 365 * 86_400 * SECOND,
    }
    return Key(**values | fields)
