"""What a judge may look at: one case's exchanges, the run's keys, and what can be read out of them.

Pure: nothing here waits or sends, so that a stored run is judged like a fresh one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.conformance.cases import Case
from gateway.conformance.diagnosing import Diagnoser
from gateway.conformance.exchanges import CALL, PUSH, STAND, Exchange, read_authorization
from gateway.conformance.runs import Run
from gateway.core.errors import Problem
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.keys import PublicKey


@dataclass(frozen=True, kw_only=True)
class Book:
    """A whole run's exchanges, with what many cases ask of them found once."""

    run: Run
    exchanges: Sequence[Exchange]

    @cached_property
    def publics(self) -> Mapping[str, PublicKey]:
        """The institution's keys by serial number."""
        keys = [PublicKey.from_pem(text) for text in self.run.public_keys]
        return {key.serial_no: key for key in keys}

    @cached_property
    def diagnoser(self) -> Diagnoser:
        """Says why a signature failed."""
        return Diagnoser(list(self.publics.values()))

    @cached_property
    def by_case(self) -> Mapping[str, Sequence[Exchange]]:
        """The exchanges of each case."""
        found: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            found.setdefault(exchange.case, []).append(exchange)
        return found

    @cached_property
    def by_answered(self) -> Mapping[object, Sequence[Exchange]]:
        """The institution's messages by the message that they answer."""
        found: dict[object, list[Exchange]] = {}
        for exchange in filter(_is_message, self.exchanges):
            found.setdefault(read_json(exchange.body).get("correlationid"), []).append(exchange)
        return found

    @cached_property
    def spenders(self) -> Mapping[str, int]:
        """The number of the call that used each nonce first."""
        found: dict[str, int] = {}
        for exchange in self.exchanges:
            authorization = read_authorization(exchange) if exchange.way == CALL else None
            if authorization is not None:
                found.setdefault(authorization.nonce, exchange.number)
        return found


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One case of a run, in the run's book."""

    book: Book
    case: Case

    @property
    def run(self) -> Run:
        """The run."""
        return self.book.run

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """The case's exchanges."""
        return self.book.by_case.get(self.case.id, ())

    @property
    def publics(self) -> Mapping[str, PublicKey]:
        """The institution's keys by serial number."""
        return self.book.publics

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
        return [item for item in self.book.exchanges if delivery and delivery in item.about.get("listed", "").split()]

    def replies_to(self, step: str) -> Sequence[Exchange]:
        """Every message of the institution that answers a step's message, wherever it was put."""
        sent = self.sent(step)
        return self.book.by_answered.get(sent.about["message"], ()) if sent else ()


def _is_message(exchange: Exchange) -> bool:
    return exchange.way == CALL and exchange.method == "POST" and exchange.target.startswith("/v1/messages")


def read_json(body: bytes) -> Mapping[str, Any]:
    """A body as JSON; empty where it is none."""
    try:
        return parse_object(body)
    except Problem:
        return {}
