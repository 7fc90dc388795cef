"""A message as the kit sends it: the event, its bytes, origin and push signature, each honest or with a named fault.

Source: protocol sections 2, 3 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.conformance.keyring import KeyRing
from gateway.conformance.seals import Seal, seal_request
from gateway.core.party import GATEWAY
from gateway.core.wire.compact_json import encode_compact
from gateway.crypto.digest import sm3_hex
from gateway.crypto.signer import new_nonce

Event = dict[str, Any]
ORIGIN_TARGET: Final = "/v1/messages"
_CLOUDEVENTS: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a message is made: `alter` the event, `encode` it, sign, `tamper` with the bytes, add `headers` (None takes
    one away), send the header `twice` on two lines.
    """

    alter: Callable[[Event], Event] = dict
    encode: Callable[[Event], bytes] = encode_compact
    tamper: Callable[[bytes], bytes] = bytes
    origin: Seal = field(default_factory=Seal)
    push: Seal = field(default_factory=Seal)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    twice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message ready to go: `body` is what is sent; `origin` and `origin_string` prove the sender."""

    id: str
    event: Event
    shape: Shape
    body: bytes
    digest: str
    origin: str | None
    origin_string: bytes


def write_letter(ring: KeyRing, event: Event, shape: Shape, *, now: int) -> Letter:
    """Make a message of an event; `now` in microseconds UTC."""
    altered = shape.alter(event)
    signed = shape.encode(altered)
    origin, string = seal_request(
        shape.origin,
        ring,
        altered["source"] if altered.get("source") in (GATEWAY, "platform") else "platform",
        method="POST",
        target=ORIGIN_TARGET,
        timestamp=now // 1_000_000,
        nonce=new_nonce(),
        body=signed,
    )
    body = shape.tamper(signed)
    return Letter(
        id=altered["id"],
        event=altered,
        shape=shape,
        body=body,
        digest=sm3_hex(body),
        origin=origin,
        origin_string=string,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The request that carries a letter: its headers, and the string that its signature should have been made over.

    A header that is sent twice stands once more under its name in lower case.
    """

    headers: Mapping[str, str]
    nonce: str
    signed: bytes


def address_push(
    ring: KeyRing, letter: Letter, *, target: str, delivery: str, attempt: int, now: int, nonce: str
) -> Push:
    """Sign a push of a letter as the gateway, over what is sent."""
    seal = letter.shape.push
    nonce = seal.nonce(nonce)
    authorization, signed = seal_request(
        replace(seal, nonce=str),
        ring,
        GATEWAY,
        method="POST",
        target=target,
        timestamp=now // 1_000_000,
        nonce=nonce,
        body=letter.body,
    )
    headers: dict[str, str | None] = {
        "Content-Type": _CLOUDEVENTS,
        "Authorization": authorization,
        "Gzbzj-Origin": letter.origin,
        "Gzbzj-Delivery": delivery,
        "Gzbzj-Attempt": str(attempt),
        "traceparent": f"00-{new_nonce()}-{new_nonce()[:16]}-01",
        **letter.shape.headers,
    }
    present = {name: value for name, value in headers.items() if value is not None}
    if letter.shape.twice in present:
        present[letter.shape.twice.lower()] = present[letter.shape.twice]
    return Push(headers=present, nonce=nonce, signed=signed)
