"""What an attempt came to, in one word and as one wide log event."""

from __future__ import annotations

from typing import Any, Final

from gateway.core.delivery import Die, GiveBack, Hold, RetryAt, Stood
from gateway.ports import Claimed, Proof, Settlement

_OUTCOMES: Final = {
    RetryAt: "retry",
    Hold: "held",
    Die: "dead",
    Stood: "stood",
    GiveBack: "given_back",
}


def outcome_of(result: Settlement | Proof) -> str:
    """An attempt's outcome in one word: delivered, refused, retry, held, dead, stood, given_back."""
    if isinstance(result, Proof):
        return "delivered" if result.status == "ACCEPTED" else "refused"
    return _OUTCOMES[type(result.decision)]


ENDS: Final = frozenset({"delivered", "refused", "dead"})
"""The outcomes that end a delivery."""


def describe(claimed: Claimed, result: Settlement | Proof) -> dict[str, Any]:
    """The wide log event of an attempt."""
    message = claimed.message
    return {
        "delivery_id": claimed.delivery_id,
        "attempt": claimed.attempt,
        "source": message.source,
        "id": message.id,
        "type": message.type,
        "recipient": message.recipient,
        "subject": message.subject,
        "outcome": outcome_of(result),
        "http_status": result.http_status,
        "code": result.code,
        "traceparent": message.traceparent,
    }
