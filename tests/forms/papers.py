"""Stored messages for the tests of this room: examples, signed for real, as the store would give them back."""

from __future__ import annotations

import copy
import json
from types import MappingProxyType

from gateway.catalogue import example
from gateway.core.delivery import SECOND, State
from gateway.core.message import Message
from gateway.core.party import Directory, Key, KeyStatus, Party, Standing
from gateway.core.wire.authorization import format_authorization
from gateway.core.wire.receipt import Receipt, encode_acceptance, encode_receipt
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import sign_request, sign_response
from gateway.ports import MessageView, Proof

NOW = 1_795_219_200_000_000
_DAY = 86_400 * SECOND
SECRETS = {
    "platform": bytes.fromhex("11" * 32),
    "xmccb": bytes.fromhex("22" * 32),
    "gateway": bytes.fromhex("33" * 32),
}
KEYS = {owner: PrivateKey.from_secret(secret) for owner, secret in SECRETS.items()}
NAMES = {"platform": "示例市工资保证金平台", "xmccb": "示例银行厦门分行", "gateway": "示例网关"}


def make_directory(**changes):
    """The three parties with a key each; `changes` alter the keys."""
    parties = {
        owner: Party(
            id=owner,
            role="institution" if owner == "xmccb" else owner,
            kind="bank" if owner == "xmccb" else None,
            name=name,
            standing=Standing.LIVE,
            adapter="mailbox",
        )
        for owner, name in NAMES.items()
    }
    keys = {(owner, key.serial_no): _register(owner, key, changes) for owner, key in KEYS.items()}
    return Directory(revision=1, parties=MappingProxyType(parties), keys=MappingProxyType(keys))


def _register(owner, key, changes):
    fields = {"status": KeyStatus.ACTIVE, "not_before": NOW - _DAY, "not_after": NOW + _DAY}
    return Key(owner_id=owner, serial_no=key.serial_no, public_pem=key.public.to_pem(), **fields | changes)


def make_view(type_, variant=None, *, kind="bank", change=None, at=NOW, id=None, **ends):  # noqa: A002
    """An example of this type as it stands in the archive; `change` may alter its data."""
    event = copy.deepcopy(example(type_, variant=variant, kind=kind, now_us=at, id=id or f"{type_}-0001", **ends))
    if change is not None:
        change(event["data"])
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    return view_of(event, body, at)


def view_of(event, body, at):
    """The view of a whole event that its source signed."""
    source, digest = event["source"], sm3_hex(body)
    authorization = sign_request(
        KEYS[source],
        sender_id=source,
        method="POST",
        target="/v1/messages",
        timestamp=at // SECOND,
        nonce="0123456789abcdef",
        body=body,
    )
    receipt_no = "R" + digest[:16]
    receipt = encode_acceptance(id=event["id"], source=source, receipt_no=receipt_no, digest=digest, received_us=at)
    message = Message(
        source=source,
        id=event["id"],
        type=event["type"],
        subject=event["subject"],
        recipient=event["recipient"],
        correlation_id=event.get("correlationid"),
        digest=digest,
        body=body,
        origin=format_authorization(authorization),
        received_at=at,
        receipt_no=receipt_no,
        receipt=receipt,
    )
    proof = None if message.recipient == "gateway" else make_proof(message, at)
    return MessageView(
        message=message, delivery_id=1, state=State.DELIVERED, next_attempt_at=None, attempts=(), proof=proof
    )


def make_proof(message, at, *, status="ACCEPTED"):
    """The recipient's pushed receipt."""
    receipt = Receipt(id=message.id, digest=message.digest, status=status)
    body = encode_receipt(receipt)
    signature = sign_response(KEYS[message.recipient], timestamp=at // SECOND, nonce="fedcba9876543210", body=body)
    return Proof(
        delivery_id=1,
        status=status,
        body=body,
        serial_no=signature.serial_no,
        timestamp=signature.timestamp,
        nonce=signature.nonce,
        signature=signature.signature,
        at=at + SECOND,
    )
