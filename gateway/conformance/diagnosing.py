"""Why a signature of the institution's did not verify, as `crypto.diagnosis` tells it, within bounds.

Source: protocol section 7 (`diagnosis`), issue "Onboarding and the conformance kit" point 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.conformance.exchanges import PUSH, Exchange
from gateway.conformance.reproduce import find_signed
from gateway.core.errors import Problem
from gateway.core.wire.authorization import parse_authorization
from gateway.core.wire.response import parse_response_headers
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey

MOST: Final = 20
"""Diagnoses of one run: each takes up to tenths of a second, and after twenty the mistake is known."""

SIGNATURE_CODES: Final = frozenset({"SIGNATURE_INVALID", "SIGNATURE_MALFORMED"})


class Diagnoser:
    """Diagnoses the first exchanges that it is asked about, each once."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = list(keys)
        self._texts: dict[int, str] = {}

    def explain(self, problem: Problem, exchange: Exchange) -> str:
        """The problem in Chinese and, where a signature failed, the mistake that it shows."""
        if problem.code not in SIGNATURE_CODES:
            return str(problem)
        if exchange.number not in self._texts and len(self._texts) < MOST:
            self._texts[exchange.number] = self._diagnose(exchange)
        return f"{problem}{self._texts.get(exchange.number, '')}"

    def _diagnose(self, exchange: Exchange) -> str:
        signed = find_signed(exchange)
        if signed is None:
            return ""
        signing = describe_answer(exchange) if exchange.way == PUSH else describe_call(exchange)
        return diagnose(signing, signed.text, self._keys).message


def describe_call(exchange: Exchange) -> Signing:
    """What the signature of a call should be over; Problem for an Authorization that cannot be read."""
    authorization = parse_authorization(exchange.headers["authorization"])
    return Signing(
        method=exchange.method,
        target=exchange.target,
        timestamp=authorization.timestamp,
        nonce=authorization.nonce,
        body=exchange.body,
        host=exchange.headers.get("host", ""),
    )


def describe_answer(exchange: Exchange) -> Signing:
    """What the signature of an answer should be over; Problem for headers that cannot be read."""
    headers = parse_response_headers(exchange.answer_headers)
    return Signing(timestamp=headers.timestamp, nonce=headers.nonce, body=exchange.answer_body)
