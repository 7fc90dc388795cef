"""Taking a message, pushed or pulled: its checks, its receipt, and one effect however often it comes.

Source: protocol section 6: recipient and origin first; a message already held earns its receipt again and no second
action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.core.wire.receipt import Receipt, encode_receipt
from gateway.core.wire.strict_json import parse_object
from gateway.ports import Clock
from gateway.simulator.client import GatewayClient
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.ledger import Entry, Ledger
from gateway.simulator.trust import Trusted

_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message as it came: its bytes, the origin's Authorization (None where it was missing) and how it came."""

    body: bytes
    origin: str | None
    via: str
    delivery: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event to send: its id, and its bytes as they will be signed."""

    id: str
    type: str
    recipient: str
    subject: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a parcel: the receipt's bytes; for a message taken for the first time, what is to be sent."""

    receipt: bytes
    accepted: bool
    replies: Sequence[Outgoing] = field(default_factory=tuple)
    envelope: Envelope | None = None


Act = Callable[[Envelope], Sequence[Outgoing]]
"""The one effect of a message: what the counterpart will send because of it."""


class Reception:
    """Judges parcels for one party; everything is in the ledger before it is answered."""

    def __init__(
        self,
        party_id: str,
        client: GatewayClient,
        ledger: Ledger,
        clock: Clock,
        act: Act,
        *,
        habits: Habits = HONEST,
    ) -> None:
        self._party_id = party_id
        self._habits = habits
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._act = act
        self._held: dict[tuple[str, str], tuple[str, bytes]] = {}

    def restore(self, entries: Iterable[Entry]) -> None:
        """Remember what earlier runs receipted."""
        for entry in entries:
            if entry["kind"] == "receipt" and entry["status"] == "ACCEPTED":
                self._held[entry["source"], entry["id"]] = (entry["digest"], entry["body"].encode())

    async def take(self, parcel: Parcel) -> Taken:
        """The receipt for a parcel. Problem MALFORMED_REQUEST where there is no id to receipt, UNAVAILABLE where the
        sender's key cannot be learned now.
        """
        envelope = parse_envelope(self._habits.parse(parcel.body))
        digest = self._habits.digest(parcel.body)
        try:
            self._check_recipient(envelope)
            await self._check_origin(envelope, parcel)
            held = self._find_held(envelope, digest)
        except Problem as problem:
            if problem.code == "UNAVAILABLE":
                raise
            return self._refuse(envelope, digest, parcel, problem)
        if held is not None:
            self._ledger.append(
                [_received(envelope, digest, parcel, "verified", duplicate=True)], now=self._clock.now()
            )
            return Taken(receipt=held, accepted=True)
        if self._habits.hesitation:
            await self._clock.sleep(self._habits.hesitation)
        return self._accept(envelope, digest, parcel)

    def _check_recipient(self, envelope: Envelope) -> None:
        if envelope.recipient != self._party_id and self._habits.does("recipient"):
            raise Problem(
                "RECIPIENT_NOT_PERMITTED", f"报文的接收方是 {envelope.recipient}，不是本方 {self._party_id}。"
            )

    async def _check_origin(self, envelope: Envelope, parcel: Parcel) -> None:
        """The origin is there and verifies with a key of `source` valid at that time; age and reuse are not checked."""
        habits = self._habits
        if not habits.does("origin") or (envelope.source == GATEWAY and not habits.does("gateway-origin")):
            return
        if parcel.origin is None:
            raise Problem("AUTH_MISSING", "缺少 Gzbzj-Origin：无从证明报文出自发送方。")
        origin = habits.read_authorization(parcel.origin)
        if origin.sender_id != envelope.source and habits.does("origin-sender"):
            raise Problem("SOURCE_MISMATCH")
        if not habits.does("origin-signature"):
            return
        trusted = await find_key(self._client, origin.sender_id, origin.serial_no, refetch=habits.does("fresh-keys"))
        if habits.does("origin-key-validity"):
            trusted.key.check_valid_at(origin.timestamp * _SECOND)
        if not habits.does("retired-keys"):
            trusted.key.check_active(self._clock.now())
        habits.verify(trusted.public, origin, method="POST", target="/v1/messages", body=parcel.body)

    def _name(self, envelope: Envelope) -> tuple[str, str]:
        """What a message is known again by: source and id."""
        return (envelope.source if self._habits.does("held-source") else "", envelope.id)

    def _find_held(self, envelope: Envelope, digest: str) -> bytes | None:
        held = self._held.get(self._name(envelope))
        if held is None or not self._habits.does("held"):
            return None
        if held[0] != digest and self._habits.does("held-digest"):
            raise Problem("MESSAGE_ID_CONFLICT")
        return held[1]

    def _accept(self, envelope: Envelope, digest: str, parcel: Parcel) -> Taken:
        receipt = self._write(Receipt(id=envelope.id, digest=digest, status="ACCEPTED"))
        replies = self._act(envelope)
        entries = [
            _received(envelope, digest, parcel, "verified", duplicate=False),
            _receipted(envelope, digest, receipt, "ACCEPTED"),
            {"kind": "effect", "source": envelope.source, "id": envelope.id, "type": envelope.type},
            *(describe_outgoing(reply, answers=envelope.id) for reply in replies),
        ]
        self._ledger.append(entries, now=self._clock.now())
        self._held[self._name(envelope)] = (digest, receipt)
        return Taken(receipt=receipt, accepted=True, replies=replies, envelope=envelope)

    def _refuse(self, envelope: Envelope, digest: str, parcel: Parcel, problem: Problem) -> Taken:
        refusal = Receipt(id=envelope.id, digest=digest, status="REFUSED", code=problem.code, message=problem.message)
        receipt = self._write(refusal)
        entries = [
            _received(envelope, digest, parcel, problem.code, duplicate=False),
            _receipted(envelope, digest, receipt, "REFUSED"),
        ]
        self._ledger.append(entries, now=self._clock.now())
        return Taken(receipt=receipt, accepted=False)

    def _write(self, receipt: Receipt) -> bytes:
        right = parse_object(encode_receipt(receipt))
        return encode_compact(self._habits.receipt(right))


async def find_key(client: GatewayClient, owner_id: str, serial_no: str, *, refetch: bool = True) -> Trusted:
    """A trusted key; with `refetch` the list is fetched anew for one that is unknown. Problem KEY_UNKNOWN, or
    UNAVAILABLE when there is no list to be had: an unknown key must not turn an outage into a refusal.
    """
    known = client.trust.get(owner_id, serial_no)
    if known is not None or not refetch:
        return known or client.trust.find(owner_id, serial_no)
    listed = await client.get_keys()
    fresh = client.trust.get(owner_id, serial_no)
    if fresh is None and not (listed.proven and listed.status == HTTPStatus.OK):
        raise Problem("UNAVAILABLE", f"暂时取不到网关的公钥清单（{listed.verdict}）。", retry_after=5)
    return client.trust.find(owner_id, serial_no)


def describe_outgoing(event: Outgoing, *, answers: str | None) -> Entry:
    """The ledger's entry for an event that will be sent."""
    return {
        "kind": "outgoing",
        "id": event.id,
        "type": event.type,
        "recipient": event.recipient,
        "subject": event.subject,
        "answers": answers,
        "body": event.body.decode(),
    }


def _received(envelope: Envelope, digest: str, parcel: Parcel, verdict: str, *, duplicate: bool) -> Entry:
    return {
        "kind": "received",
        "source": envelope.source,
        "id": envelope.id,
        "type": envelope.type,
        "subject": envelope.subject,
        "digest": digest,
        "via": parcel.via,
        "delivery": parcel.delivery,
        "attempt": parcel.attempt,
        "origin": verdict,
        "duplicate": duplicate,
        "body": parcel.body.decode(),
    }


def _receipted(envelope: Envelope, digest: str, receipt: bytes, status: str) -> Entry:
    return {
        "kind": "receipt",
        "source": envelope.source,
        "id": envelope.id,
        "digest": digest,
        "status": status,
        "body": receipt.decode(),
    }
