"""Messages that the gateway itself sends: signed as any sender's, with ids derived from their cause.

Source: architecture point 11, protocol section 6 (the gateway's own messages carry an origin made over the same two).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.message import Message
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import format_authorization
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.receipt import encode_acceptance
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.pool import CryptoPool
from gateway.crypto.signer import new_nonce
from gateway.flow.reading import new_receipt_no
from gateway.ports import Alert

ORIGIN_METHOD: Final = "POST"
ORIGIN_TARGET: Final = "/v1/messages"

MESSAGE_FAILED: Final = "message.failed.v1"
_CODE_LENGTH: Final = 64
_TEXT_LENGTH: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is said of a message that could not be delivered: of which delivery, at which attempt, why.

    `cause` is "failed" for one that was given up, "refused" for one that its recipient refused: the second may follow
    the first, and is told as well.
    """

    cause: str
    delivery_id: int
    attempt: int
    code: str
    text: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is written together with a failure."""

    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What the gateway has to say: the attributes of the event and its payload, not signed yet.

    `id` derives from the cause, so that saying it twice is the same message. `correlation_id` names the message that
    it is about, if there is one.
    """

    type: str
    id: str
    subject: str
    recipient: str
    data: Mapping[str, Any]
    correlation_id: str | None = None
    traceparent: str | None = None


class Scribe:
    """Writes and signs the gateway's messages."""

    def __init__(self, crypto: CryptoPool, key: PrivateKey) -> None:
        self._crypto = crypto
        self._key = key

    async def tell(self, message: Message, failure: Failure) -> Told:
        """A dead letter is told to its sender; the gateway's own message that fails raises an alert and no more."""
        alert = Alert(
            code="DEAD_LETTER",
            about=f"{message.source}/{message.id}",
            text=f"{message.type} 未能送达 {message.recipient}：{failure.code} {failure.text}",
        )
        if message.source == GATEWAY:
            return Told(alerts=(alert,))
        return Told(messages=(await self.failed(message, failure),), alerts=(alert,))

    async def failed(self, cause: Message, failure: Failure) -> Message:
        """`message.failed.v1` to the sender of `cause`; its id derives from the delivery and what befell it."""
        data = {
            "deliveryId": str(failure.delivery_id),
            "id": cause.id,
            "source": cause.source,
            "type": cause.type,
            "recipient": cause.recipient,
            "subject": cause.subject,
            "digest": cause.digest,
            "code": _plain(failure.code, _CODE_LENGTH) or "UNKNOWN",
            "message": _plain(failure.text, _TEXT_LENGTH) or "未说明原因",
            "attempts": failure.attempt,
            "lastAttemptTime": format_beijing(failure.at),
        }
        letter = Letter(
            type=MESSAGE_FAILED,
            id=f"{failure.cause}-{failure.delivery_id}",
            subject=cause.subject,
            recipient=cause.source,
            data=data,
            correlation_id=cause.id,
            traceparent=cause.traceparent,
        )
        return await self.write(letter, now=failure.at)

    async def write(self, letter: Letter, *, now: int) -> Message:
        """The signed message, received by the gateway at `now` (microseconds UTC)."""
        body = encode_compact(_event(letter, now=now))
        receipt_no, digest = new_receipt_no(), sm3_hex(body)
        return Message(
            source=GATEWAY,
            id=letter.id,
            type=letter.type,
            subject=letter.subject,
            recipient=letter.recipient,
            correlation_id=letter.correlation_id,
            digest=digest,
            body=body,
            origin=await self._sign(body, now),
            received_at=now,
            receipt_no=receipt_no,
            receipt=encode_acceptance(
                id=letter.id, source=GATEWAY, receipt_no=receipt_no, digest=digest, received_us=now
            ),
            traceparent=letter.traceparent,
        )

    async def _sign(self, body: bytes, now: int) -> str:
        authorization = await self._crypto.sign_request(
            self._key,
            sender_id=GATEWAY,
            method=ORIGIN_METHOD,
            target=ORIGIN_TARGET,
            timestamp=now // 1_000_000,
            nonce=new_nonce(),
            body=body,
        )
        return format_authorization(authorization)


def _plain(text: str, length: int) -> str:
    """What a recipient wrote, fit for the schema of our own message: no controls, cut to its length."""
    return "".join(character for character in text if character.isprintable())[:length]


def _event(letter: Letter, *, now: int) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": letter.id,
        "source": GATEWAY,
        "type": letter.type,
        "subject": letter.subject,
        "time": format_beijing(now),
        "datacontenttype": "application/json",
        "recipient": letter.recipient,
    }
    answered = {} if letter.correlation_id is None else {"correlationid": letter.correlation_id}
    return event | answered | {"data": letter.data}
