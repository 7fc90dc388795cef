"""What passes between a delivery, an adapter and the network: values only.

An adapter turns an `Outgoing` into a `Request` or `Stand`, and an `Answer` into one of the outcomes below.
Source: protocol section 6, architecture "adapters".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.message import Message
from gateway.core.party import Party
from gateway.core.wire.receipt import Receipt
from gateway.core.wire.response import ResponseSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One attempt (`attempt` from 1) to bring a message to its recipient."""

    delivery_id: int
    attempt: int
    message: Message
    recipient: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request to send. `signed` asks for an Authorization made by the gateway over it (section 3)."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    signed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Nothing is sent: the message stands in the recipient's mailbox until its receipt comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `status` is None when no answer came, then `error` says why; header names are lower case."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipted:
    """A receipt that names this message, not yet verified: the signature is checked by whoever holds the keys."""

    receipt: Receipt
    body: bytes
    signature: ResponseSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """410 without a receipt: the endpoint is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A passing fault: to be tried again. `suspicious` marks answers that are not mere outages (alert RECEIPT_INVALID).

    `retry_after` is in seconds, None where the answer named none.
    """

    code: str
    message: str
    suspicious: bool = False
    retry_after: int | None = None


Outcome = Receipted | Gone | Fault
