"""Records to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row, insert

from gateway.core.delivery import State
from gateway.core.intake import Rejection
from gateway.core.message import Message
from gateway.core.party import GATEWAY
from gateway.core.sealing import CLASS_OF
from gateway.store.evidence_tables import REFUSALS
from gateway.store.schema import DELIVERIES, MESSAGES
from gateway.store.sealed import Confidential

AnyRow = Row[*tuple[Any, ...]]

MESSAGE_COLUMNS: Final = tuple(MESSAGES.c)
_NAMES: Final = tuple(column.name for column in MESSAGE_COLUMNS)

INSERT_MESSAGE: Final = insert(MESSAGES)
INSERT_DELIVERY: Final = insert(DELIVERIES)
INSERT_REFUSAL: Final = insert(REFUSALS)


def message_row(message: Message) -> dict[str, Any]:
    """The row of `messages`; the body of a confidential type will be sealed."""
    row = {name: getattr(message, name) for name in _NAMES}
    kind = CLASS_OF.get(message.type)
    return row if kind is None else row | {"body": Confidential(kind, message.body)}


def message_of(row: Mapping[Any, Any]) -> Message:
    """The message of a row that selected MESSAGE_COLUMNS."""
    return Message(**{column.name: row[column] for column in MESSAGE_COLUMNS})


def delivery_row(message: Message, *, position: int, due_at: int | None, accepted_at: int) -> dict[str, Any]:
    """A new row of `deliveries`; a message to the gateway is filed: delivered at once (protocol section 6)."""
    filed = message.recipient == GATEWAY
    return {
        "source": message.source,
        "message_id": message.id,
        "recipient": message.recipient,
        "subject": message.subject,
        "position": position,
        "state": (State.DELIVERED if filed else State.ACCEPTED).value,
        "mailed": not filed,
        "stood": False,
        "due_at": None if filed else due_at,
        "published_times": 0,
        "token": 0,
        "claims": 0,
        "attempts": 0,
        "accepted_at": accepted_at,
        "ended_at": accepted_at if filed else None,
    }


def refusal_row(rejection: Rejection) -> dict[str, Any]:
    """A new row of `refusals`: who was refused what, and why; what was not read of it is None."""
    offer, message = rejection.offer, rejection.item.draft.message if rejection.item.draft else None
    return {
        "at": rejection.item.at,
        "sender": offer.sender,
        "serial_no": rejection.item.nonce.serial_no,
        "code": rejection.code,
        "digest": offer.digest,
        "origin": offer.origin,
        "message_id": message.id if message else None,
        "type": message.type if message else None,
        "subject": message.subject if message else None,
    }
