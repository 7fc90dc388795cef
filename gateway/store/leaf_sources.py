"""Where leaves come from: one row a kind. Its columns bear the names of the leaf's members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, FromClause, null

from gateway.core.evidence.leaves import AUDIT, CLOCK, CLOCK_EVENT, KEY, MESSAGE, RECEIPT, REFUSAL
from gateway.store.clock_tables import CLOCK_EVENTS, CLOCKS
from gateway.store.evidence_tables import KEY_EVENTS, REFUSALS
from gateway.store.schema import AUDITS, DELIVERIES, MESSAGES, RECEIPTS
from gateway.store.views import OF_DELIVERY

_D, _M, _R, _K, _C, _E = DELIVERIES.c, MESSAGES.c, RECEIPTS.c, KEY_EVENTS.c, CLOCKS.c, CLOCK_EVENTS.c


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A kind of leaf: its rows in `rows`, counted up by `number` and dated by `at`; `members` are name → column.

    `subject` is the business number by which its leaves are found, None for a kind that has none. `sparse` members
    are left out of a document where the row has none: those that rows of before have not.
    """

    kind: str
    rows: FromClause
    number: Column[int]
    at: Column[int]
    members: Mapping[str, Column[Any]]
    subject: Column[Any] | None = None
    sparse: frozenset[str] = frozenset()

    def columns(self) -> list[Any]:
        """What a query selects first to write a leaf of this kind: `number`, the members, and `leaf_subject`."""
        subject = null() if self.subject is None else self.subject
        named = (column.label(name) for name, column in self.members.items())
        return [self.number.label("number"), *named, subject.label("leaf_subject")]

    def read_members(self, row: Sequence[Any]) -> dict[str, Any]:
        """The members of the document of a row that selected `columns`."""
        members = dict(zip(("number", *self.members), row, strict=False))
        for name in self.sparse:
            if members[name] is None:
                del members[name]
        return members


SOURCES: Final = (
    Source(
        kind=MESSAGE,
        rows=DELIVERIES.join(MESSAGES, OF_DELIVERY),
        number=_D.id,
        at=_D.accepted_at,
        subject=_D.subject,
        members={
            "source": _M.source,
            "id": _M.id,
            "type": _M.type,
            "subject": _M.subject,
            "recipient": _M.recipient,
            "position": _D.position,
            "acceptedAt": _D.accepted_at,
            "replayOf": _D.replay_of,
            "digest": _M.digest,
            "origin": _M.origin,
            "receivedAt": _M.received_at,
            "receiptNo": _M.receipt_no,
            "receipt": _M.receipt,
        },
    ),
    Source(
        kind=RECEIPT,
        rows=RECEIPTS.join(DELIVERIES, _R.delivery_id == _D.id),
        number=_R.id,
        at=_R.at,
        subject=_D.subject,
        members={
            "source": _R.source,
            "id": _R.message_id,
            "delivery": _R.delivery_id,
            "status": _R.status,
            "body": _R.body,
            "serialNo": _R.serial_no,
            "timestamp": _R.timestamp,
            "nonce": _R.nonce,
            "signature": _R.signature,
            "method": _R.method,
            "path": _R.path,
            "at": _R.at,
        },
    ),
    Source(
        kind=REFUSAL,
        rows=REFUSALS,
        number=REFUSALS.c.id,
        at=REFUSALS.c.at,
        subject=REFUSALS.c.subject,
        members={
            "at": REFUSALS.c.at,
            "sender": REFUSALS.c.sender,
            "serialNo": REFUSALS.c.serial_no,
            "code": REFUSALS.c.code,
            "digest": REFUSALS.c.digest,
            "origin": REFUSALS.c.origin,
            "id": REFUSALS.c.message_id,
            "type": REFUSALS.c.type,
            "subject": REFUSALS.c.subject,
        },
    ),
    Source(  # what never changes of a clock: its setting up and its first reckoning
        kind=CLOCK,
        rows=CLOCKS,
        number=_C.id,
        at=_C.created_at,
        subject=_C.subject,
        members={
            "clock": _C.number,
            "rule": _C.rule,
            "subject": _C.subject,
            "key": _C.key,
            "institution": _C.institution,
            "basis": _C.basis,
            "term": _C.term,
            "unit": _C.unit,
            "source": _C.source,
            "id": _C.message_id,
            "at": _C.created_at,
            "startAt": _C.set_start_at,
            "dueAt": _C.set_due_at,
            "fixedAt": _C.set_fixed_at,
            "calendar": _C.set_calendar,
        },
        sparse=frozenset({"startAt", "dueAt", "fixedAt", "calendar"}),
    ),
    Source(
        kind=CLOCK_EVENT,
        rows=CLOCK_EVENTS,
        number=_E.id,
        at=_E.at,
        subject=_E.subject,
        members={
            "clock": _E.clock,
            "step": _E.step,
            "event": _E.event,
            "at": _E.at,
            "rule": _E.rule,
            "subject": _E.subject,
            "percent": _E.percent,
            "state": _E.state,
            "startAt": _E.start_at,
            "dueAt": _E.due_at,
            "calendar": _E.calendar,
            "breachedAt": _E.breached_at,
            "endedAt": _E.ended_at,
            "endedBy": _E.ended_by,
        },
    ),
    Source(
        kind=KEY,
        rows=KEY_EVENTS,
        number=_K.id,
        at=_K.at,
        members={
            "at": _K.at,
            "event": _K.event,
            "ownerId": _K.owner_id,
            "serialNo": _K.serial_no,
            "publicKey": _K.public_pem,
            "status": _K.status,
            "notBefore": _K.not_before,
            "notAfter": _K.not_after,
            "endedAt": _K.ended_at,
            "actor": _K.actor,
            "reason": _K.reason,
        },
    ),
    Source(
        kind=AUDIT,
        rows=AUDITS,
        number=AUDITS.c.id,
        at=AUDITS.c.at,
        members={
            "at": AUDITS.c.at,
            "actor": AUDITS.c.actor,
            "action": AUDITS.c.action,
            "about": AUDITS.c.about,
            "reason": AUDITS.c.reason,
        },
    ),
)

KINDS: Final = {source.kind: source for source in SOURCES}
