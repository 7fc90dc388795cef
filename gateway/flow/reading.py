"""Reading a message: the pure part of the verdict, as one visible list of checks in the order of protocol section 7.

What comes before the id (media type, JSON, envelope, source) refuses at once. What comes after it (type, permission,
schema) is carried as a verdict, for the id is settled in the batch; state and rules are judged there, under the lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.catalogue import Catalogue
from gateway.core.area import Area
from gateway.core.case_changes import touches_case
from gateway.core.documents import check_documents
from gateway.core.effects import Effects, Held, Timing, apply
from gateway.core.errors import Problem
from gateway.core.intake import Draft, Item, Offer, Reach, Traces
from gateway.core.legal_time import LegalTime
from gateway.core.message import Message
from gateway.core.order_table import find_rows
from gateway.core.party import GATEWAY, Directory, Party, Standing
from gateway.core.permissions import check_permission
from gateway.core.type_row import TypeRow
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.core.wire.receipt import encode_acceptance
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.flow.gate import Caller, Head
from gateway.observe import continue_trace

MEDIA_TYPES: Final = frozenset({"application/cloudevents+json", "application/json"})

PULLING: Final = "mailbox"
"""The adapter of parties that pull: their designated system is the mailbox."""

ISSUING: Final = "guarantee.issued"
"""The event by which a guarantee gets its number."""

_NO_NEW_ORDERS: Final = {
    Standing.SUSPENDED: "",
    Standing.LEAVING: "机构已停止承接新业务，请另选机构；已受理订单的报文不受影响。",
}

_RECEIPT_DIGITS: Final = 10


@dataclass(slots=True, kw_only=True)
class Reading:
    """One message on its way through the checks; each check adds what it found.

    `files` are the documents found, digest → size, where they had to be looked for.
    """

    caller: Caller
    head: Head
    body: bytes
    directory: Directory
    catalogue: Catalogue
    areas: Mapping[str, Area]
    legal_time: LegalTime
    document: dict[str, object] = field(default_factory=dict)
    envelope: Envelope = field(init=False)
    row: TypeRow = field(init=False)
    recipient: Party | None = None
    files: Mapping[str, int] | None = None


def check_limit(reading: Reading) -> None:
    """429, counted by sender after the signature verified."""
    if reading.caller.limited is not None:
        raise reading.caller.limited


def check_media_type(reading: Reading) -> None:
    """One of two media types, parameters ignored; no Content-Encoding (protocol section 5)."""
    if reading.head.content_encoding is not None:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "请勿压缩报文体：去掉 Content-Encoding，按原文发送。")
    media_type = (reading.head.content_type or "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Problem("UNSUPPORTED_MEDIA_TYPE")


def check_json(reading: Reading) -> None:
    """Strict JSON, one object."""
    reading.document = parse_object(reading.body)


def check_envelope(reading: Reading) -> None:
    """The CloudEvents attributes."""
    reading.envelope = parse_envelope(reading.document)


def check_source(reading: Reading) -> None:
    """`source` is the owner of the signing key."""
    if reading.envelope.source != reading.caller.party.id:
        raise Problem("SOURCE_MISMATCH")


def check_type(reading: Reading) -> None:
    """The type stands in the catalogue."""
    reading.row = reading.catalogue.row(reading.envelope.type)


def check_permitted(reading: Reading) -> None:
    """Who may send what to whom, and whether both are in business."""
    source = reading.caller.party
    reading.recipient = reading.directory.find_party(reading.envelope.recipient)
    check_permission(
        reading.row,
        source_role=source.role,
        source_kind=source.kind,
        recipient_role=reading.recipient.role if reading.recipient else None,
        recipient_kind=reading.recipient.kind if reading.recipient else None,
    )
    for party in (source, reading.recipient):
        if party is not None and party.id != GATEWAY:
            check_standing(party, reading.row)


def check_standing(party: Party, row: TypeRow) -> None:
    """Live, and for new business neither suspended nor leaving: both keep every duty of orders that they took."""
    if party.standing in (Standing.REGISTERED, Standing.TERMINATED):
        raise Problem("INSTITUTION_NOT_LIVE")
    if party.standing in (Standing.SUSPENDED, Standing.LEAVING) and opens_order(row):
        raise Problem("INSTITUTION_SUSPENDED", _NO_NEW_ORDERS[party.standing])


def opens_order(row: TypeRow) -> bool:
    """Whether this type begins an order: the transition table has a row for its event before any state."""
    return row.event is not None and bool(find_rows(None, row.event))


def check_schema(reading: Reading) -> None:
    """The payload against its type's JSON Schema, and the subject against the number in it."""
    reading.catalogue.check(reading.row.type, reading.document)


BEFORE_ID: Final = (check_limit, check_media_type, check_json, check_envelope, check_source)
AFTER_ID: Final = (check_type, check_permitted, check_schema)


def read_message(reading: Reading) -> Item:
    """The item that a batch settles: refused before its id, or a draft that carries the rest of its verdict."""
    caller = reading.caller
    try:
        for check in BEFORE_ID:
            check(reading)
    except Problem as problem:
        offer = None if caller.limited else _offer(reading, sm3_hex(reading.body))
        return Item(nonce=caller.nonce, at=caller.at, refusal=problem, offer=offer)
    draft = _draft(reading)
    return Item(nonce=caller.nonce, at=caller.at, draft=draft, offer=_offer(reading, draft.message.digest))


def _offer(reading: Reading, digest: str) -> Offer:
    return Offer(sender=reading.caller.party.id, digest=digest, origin=reading.caller.origin)


def _draft(reading: Reading) -> Draft:
    refusal: Problem | None = None
    try:
        for check in AFTER_ID:
            check(reading)
    except Problem as problem:
        refusal = problem
    message, plan = _message(reading), _Plan(reading)
    if refusal is not None:
        return Draft(message=message, refusal=refusal, plan=plan)
    return Draft(message=message, refusal=None, plan=plan, traces=_trace(reading), reach=_reach(reading))


def _trace(reading: Reading) -> Traces:
    data = reading.envelope.data
    return Traces(
        files=reading.catalogue.file_digests(reading.row.type, data),
        guarantee_no=data["guaranteeNo"] if reading.row.event == ISSUING else None,
    )


def _reach(reading: Reading) -> Reach:
    data, row = reading.envelope.data, reading.row
    named = (data["replaces"]["orderNo"],) if row.event == ISSUING and "replaces" in data else ()
    return Reach(orders=named, case=touches_case(row), case_no=data.get("caseNo"))


@dataclass(frozen=True, slots=True)
class _Plan:
    """State and rules of one message, to be judged under the lock."""

    reading: Reading

    def __call__(self, held: Held) -> Effects:
        reading = self.reading
        source, recipient = reading.caller.party, reading.recipient
        institution = recipient if recipient is not None and recipient.kind else source
        effects = apply(
            held,
            reading.envelope,
            row=reading.row,
            source_role=source.role,
            institution_kind=institution.kind,
            now=reading.legal_time.at(reading.caller.at),
            areas=reading.areas,
            timing=Timing(calendar=reading.legal_time.calendar, delivered=stands_at_once(recipient)),
        )
        if reading.files is not None:
            check_documents(reading.row.type, reading.envelope.data, reading.files)
        return effects


def stands_at_once(recipient: Party | None) -> bool:
    """Whether a message is delivered once it is accepted: it is filed, or its recipient pulls (domain section 5)."""
    return recipient is None or recipient.id == GATEWAY or recipient.adapter == PULLING


def _message(reading: Reading) -> Message:
    envelope, at = reading.envelope, reading.caller.at
    digest = sm3_hex(reading.body)
    receipt_no = new_receipt_no()
    return Message(
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        recipient=envelope.recipient,
        correlation_id=envelope.correlation_id,
        digest=digest,
        body=reading.body,
        origin=reading.caller.origin,
        received_at=at,
        receipt_no=receipt_no,
        receipt=encode_acceptance(
            id=envelope.id, source=envelope.source, receipt_no=receipt_no, digest=digest, received_us=at
        ),
        traceparent=continue_trace(reading.head.traceparent),
    )


def new_receipt_no() -> str:
    """An unguessable receipt number: 20 hex digits."""
    return secrets.token_hex(_RECEIPT_DIGITS).upper()
