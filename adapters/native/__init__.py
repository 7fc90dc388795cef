"""The gateway's own dialect: the signed bytes are pushed as they are, the signed receipt comes back in the answer.

Source: protocol section 6.
"""

from __future__ import annotations

import re
from typing import Final

from adapters.native.answers import decode_answer
from gateway.core.exchange import Answer, Outcome, Outgoing, Request
from gateway.ports import Adapter

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Native:
    """Implements ports.Adapter."""

    name: str = "native"

    def encode(self, delivery: Outgoing) -> Request:
        """POST of the sender's bytes to the registered address; the flow signs it with the gateway's key.

        A party without an address gets an empty one: the attempt fails visibly and nothing is lost.
        """
        message = delivery.message
        headers = {
            "Content-Type": "application/cloudevents+json",
            "Gzbzj-Origin": message.origin,
            "Gzbzj-Delivery": str(delivery.delivery_id),
            "Gzbzj-Attempt": str(delivery.attempt),
        }
        if message.traceparent and _TRACEPARENT.fullmatch(message.traceparent):
            headers["traceparent"] = message.traceparent
        return Request(method="POST", url=delivery.recipient.endpoint or "", body=message.body, headers=headers)

    def decode(self, delivery: Outgoing, answer: Answer) -> Outcome:
        """The answer table of protocol section 6; the receipt's signature is verified by the flow."""
        return decode_answer(delivery.message, answer)


ADAPTER: Final[Adapter] = Native()
