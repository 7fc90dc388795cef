"""What a judge may look at: one case's exchanges, the run's keys, and what can be read out of them.

Pure: nothing here waits or sends, so that a stored run is judged like a fresh one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.conformance.cases import Case
from gateway.conformance.exchanges import CALL, PUSH, STAND, Exchange
from gateway.conformance.runs import Run
from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization, parse_authorization
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.keys import PublicKey


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One case of a run. `exchanges` are the case's, `all` the whole run's."""

    run: Run
    case: Case
    exchanges: Sequence[Exchange]
    all: Sequence[Exchange]

    @cached_property
    def publics(self) -> Mapping[str, PublicKey]:
        """The institution's keys by serial number."""
        keys = [PublicKey.from_pem(text) for text in self.run.public_keys]
        return {key.serial_no: key for key in keys}

    def sent(self, step: str) -> Exchange | None:
        """The exchange with which a step's message went out, or stood in the mailbox."""
        return next((item for item in self.exchanges if item.step == step and item.way in (PUSH, STAND)), None)

    def heard(self, step: str) -> list[Exchange]:
        """The attempts of the message that a step waits for, in order."""
        return [item for item in self.exchanges if item.step == step and item.way == CALL and _is_message(item)]

    def receipt_call(self, step: str) -> Exchange | None:
        """The call with which a pulled message was receipted: the first that was recorded, else the last."""
        calls = [item for item in self.exchanges if item.step == step and item.target.endswith("/receipt")]
        return next((item for item in calls if item.status == 200), calls[-1] if calls else None)  # noqa: PLR2004

    def listings(self, step: str) -> list[Exchange]:
        """The answers to polls that listed a step's message."""
        sent = self.sent(step)
        delivery = sent.about.get("delivery") if sent else None
        return [item for item in self.all if delivery and delivery in item.about.get("listed", "").split()]

    def replies_to(self, step: str) -> list[Exchange]:
        """Every message of the institution that answers a step's message, wherever it was put."""
        sent = self.sent(step)
        if sent is None:
            return []
        wanted = sent.about["message"]
        return [item for item in self.all if _is_message(item) and read_json(item.body).get("correlationid") == wanted]


def _is_message(exchange: Exchange) -> bool:
    return exchange.way == CALL and exchange.method == "POST" and exchange.target.startswith("/v1/messages")


def read_json(body: bytes) -> Mapping[str, Any]:
    """A body as JSON; empty where it is none."""
    try:
        return parse_object(body)
    except Problem:
        return {}


def read_authorization(exchange: Exchange) -> Authorization | None:
    """The Authorization of a call, None where it cannot be read."""
    try:
        return parse_authorization(exchange.headers.get("authorization", ""))
    except Problem:
        return None
