"""`POST /v1/messages` and `GET /v1/messages/{source}/{id}` (protocol section 5)."""

from __future__ import annotations

from typing import Any

from gateway.core.errors import Problem
from gateway.core.wire.instants import format_beijing
from gateway.flow.accept import Acceptor
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Archive, AttemptView, MessageView, Proof


class MessageCalls:
    """Sending a message, and asking how it fared."""

    def __init__(self, acceptor: Acceptor, archive: Archive) -> None:
        self._acceptor = acceptor
        self._archive = archive

    async def send(self, call: Call) -> Reply:
        """202 with the receipt when it is durable, 200 with the same receipt when it had been before."""
        accepted = await self._acceptor.accept(call.known, call.head, call.body)
        return Reply(status=202 if accepted.fresh else 200, body=accepted.receipt)

    async def show(self, call: Call) -> Reply:
        """State, attempts and receipt; NOT_FOUND to all but the sender and the recipient."""
        view = await self._archive.message(call.names["source"], call.names["id"])
        if view is None or call.known.party.id not in (view.message.source, view.message.recipient):
            raise Problem("NOT_FOUND")
        return reply_json(show_message(view))


def show_message(view: MessageView) -> dict[str, Any]:
    """The answer's body."""
    message = view.message
    return {
        "id": message.id,
        "source": message.source,
        "type": message.type,
        "recipient": message.recipient,
        "subject": message.subject,
        "digest": message.digest,
        "receiptNo": message.receipt_no,
        "receivedTime": format_beijing(message.received_at),
        "state": str(view.state),
        "nextAttemptTime": _time(view.next_attempt_at),
        "attempts": [_show_attempt(attempt) for attempt in view.attempts],
        "receipt": _show_proof(view.proof) if view.proof else None,
    }


def _show_attempt(attempt: AttemptView) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "time": format_beijing(attempt.time),
        "outcome": attempt.outcome,
        "httpStatus": attempt.http_status,
        "code": attempt.code,
        "message": attempt.message,
    }


def _show_proof(proof: Proof) -> dict[str, Any]:
    return {
        "body": proof.body.decode(),
        "serialNo": proof.serial_no,
        "timestamp": str(proof.timestamp),
        "nonce": proof.nonce,
        "signature": proof.signature,
        "method": proof.method,
        "path": proof.path,
    }


def _time(instant: int | None) -> str | None:
    return None if instant is None else format_beijing(instant)
