"""Receipts become proofs: pushed ones from a worker's answer, pulled ones from the recipient's own call.

Source: protocol section 6 (a good receipt decides, whatever the status and whenever it comes).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Problem
from gateway.core.exchange import Fault
from gateway.core.legal_time import LegalTime
from gateway.core.message import Message
from gateway.core.sla import BeginClocks, starts_on_delivery
from gateway.core.wire.receipt import Receipt, check_receipt, parse_receipt
from gateway.core.wire.strict_json import parse_object
from gateway.flow.attempted import outcome_of
from gateway.flow.gate import Caller, Head
from gateway.flow.own_messages import Failure, Scribe, Told
from gateway.observe import METRICS
from gateway.observe.metric_table import DELIVERIES
from gateway.ports import Clock, Deliveries, Mailbox, MessageView, Proof, ProofResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The bytes and the signature behind a receipt. `method` and `path` are those of its request if pulled.

    `attempt` is the one whose answer brought it, None if pulled; `tries` how many there were until then.
    """

    body: bytes
    serial_no: str
    timestamp: int
    nonce: str
    signature: str
    tries: int
    attempt: int | None = None
    http_status: int | None = None
    method: str | None = None
    path: str | None = None


class Clerk:
    """Writes up what a receipt, or the want of one, means for the message and its sender."""

    def __init__(self, scribe: Scribe, clock: Clock, legal_time: LegalTime) -> None:
        self._scribe = scribe
        self._clock = clock
        self._legal_time = legal_time

    async def tell(
        self, delivery_id: int, message: Message, attempt: int, fault: Fault, *, cause: str = "failed"
    ) -> Told:
        """What is written when a message is given up, or (`cause` "refused") refused."""
        failure = Failure(
            cause=cause,
            delivery_id=delivery_id,
            attempt=attempt,
            code=fault.code,
            text=fault.message,
            at=self._clock.now(),
        )
        return await self._scribe.tell(message, failure)

    async def prove(self, delivery_id: int, message: Message, receipt: Receipt, evidence: Evidence) -> Proof:
        """The proof of a verified receipt; a refusal brings `message.failed.v1` with the recipient's code and text."""
        told = Told()
        if receipt.status == "REFUSED":
            fault = Fault(code=receipt.code or "", message=receipt.message or "")
            told = await self.tell(delivery_id, message, evidence.tries, fault, cause="refused")
        at = self._clock.now()
        return Proof(
            delivery_id=delivery_id,
            status=receipt.status,
            body=evidence.body,
            serial_no=evidence.serial_no,
            timestamp=evidence.timestamp,
            nonce=evidence.nonce,
            signature=evidence.signature,
            at=at,
            method=evidence.method,
            path=evidence.path,
            attempt=evidence.attempt,
            http_status=evidence.http_status,
            code=receipt.code,
            text=receipt.message,
            messages=told.messages,
            alerts=told.alerts,
            begins=self.begin(message, at) if receipt.status == "ACCEPTED" else None,
        )

    def begin(self, message: Message, at: int) -> BeginClocks | None:
        """The delivery lets a clock run, for the types whose terms count from it."""
        if not starts_on_delivery(message.type):
            return None
        return BeginClocks(
            source=message.source,
            message_id=message.id,
            at=self._legal_time.at(at),
            served=False,
            calendar=self._legal_time.calendar,
        )


class ReceiptDesk:
    """Takes the receipts that recipients bring themselves (`POST /v1/mailbox/{deliveryId}/receipt`)."""

    def __init__(self, mailbox: Mailbox, deliveries: Deliveries, clerk: Clerk) -> None:
        self._mailbox = mailbox
        self._deliveries = deliveries
        self._clerk = clerk

    async def take(self, caller: Caller, head: Head, delivery_id: int, body: bytes) -> None:
        """Record a receipt; NOT_FOUND to strangers, RECEIPT_INVALID for another message, else STATE_CONFLICT."""
        view = await self._find(caller, delivery_id)
        parse_object(body)
        receipt = parse_receipt(body)
        check_receipt(receipt, id=view.message.id, digest=view.message.digest)
        proof = await self._clerk.prove(delivery_id, view.message, receipt, _pulled(caller, head, body, view))
        result = await self._deliveries.prove(proof)
        if result is ProofResult.CONFLICT:
            raise Problem("STATE_CONFLICT", "该投递已有另一份回执，不能更改；如需更正请联系平台。")
        if result is ProofResult.RECORDED:
            METRICS.add(DELIVERIES, outcome=outcome_of(proof))

    async def _find(self, caller: Caller, delivery_id: int) -> MessageView:
        view = await self._mailbox.delivery(delivery_id)
        if view is None or view.message.recipient != caller.party.id:
            raise Problem("NOT_FOUND")
        return view


def _pulled(caller: Caller, head: Head, body: bytes, view: MessageView) -> Evidence:
    authorization = caller.authorization
    return Evidence(
        body=body,
        serial_no=authorization.serial_no,
        timestamp=authorization.timestamp,
        nonce=authorization.nonce,
        signature=authorization.signature,
        tries=max(1, len(view.attempts)),
        method=head.method,
        path=head.target,
    )
