"""How a counterpart goes about its work, one member a place where software goes wrong. The defaults are honest.

A named defect (`defects`) replaces some of them; nothing else in this room knows of defects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from gateway.core.wire.authorization import Authorization, parse_authorization
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_request
from gateway.net.messages import RawResponse

T = TypeVar("T")

CHECKS: Final = frozenset(
    {
        "push-authorization",
        "push-sender",
        "push-key-status",
        "push-timestamp",
        "push-signature",
        "push-nonce",
        "recipient",
        "origin",
        "origin-sender",
        "origin-key-validity",
        "origin-signature",
        "held",
        "held-digest",
        "fresh-keys",
        "answer-signature",
        "answer-nonce",
        "answer-timestamp",
        "answer-key-status",
        "receipt-content",
        "give-up",
        "stay",
        "held-source",
        "retired-keys",
        "try-again",
        "fresh-nonce",
        "retry-after",
        "files",
        "pulled-receipt",
        "answer-owner",
        "gateway-origin",
        "in-turn",
        "keys-answer",
        "nonce-after-signature",
        "one-header",
        "repeat-answer",
        "settle",
    }
)
"""What an honest counterpart checks or does, by name."""


class VerifyRequest(Protocol):
    """`signer.verify_request`, or what takes its place; raises Problem."""

    def __call__(
        self, public: PublicKey, authorization: Authorization, /, *, method: str, target: str, body: bytes
    ) -> None:
        """Raise unless the request is signed by this key."""
        ...


def keep(value: T) -> T:
    """Leave a value as it is."""
    return value


def name_spent(authorization: Authorization) -> str:
    """A nonce is used once per key."""
    return f"{authorization.serial_no} {authorization.nonce}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """One way of working.

    `skips` names checks that are left out (`CHECKS`). `receipt` makes the members of a receipt from the right ones,
    `answer` the answer to a push from the sealed one, `event` a message from the right one, `wire` the bytes that leave
    from those that were signed, `again` those of a further try, `listed` a mailbox's messages from those listed,
    `replies` the messages that answer one, `files` those that are put (by SM3) of all that there are, `spent` what a
    used push is known again by. `delay` of an answer and `hesitation` between looking for a duplicate and writing the
    message down are in seconds; `tries` bounds the attempts to send one message, 0 for no bound.
    """

    skips: frozenset[str] = frozenset()
    read_authorization: Callable[[str], Authorization] = parse_authorization
    verify: VerifyRequest = verify_request
    parse: Callable[[bytes], dict[str, Any]] = parse_object
    digest: Callable[[bytes], str] = sm3_hex
    receipt: Callable[[dict[str, Any]], Mapping[str, Any]] = keep
    answer: Callable[[RawResponse], RawResponse] = keep
    delay: float = 0.0
    hesitation: float = 0.0
    tries: int = 0
    event: Callable[[dict[str, Any]], dict[str, Any]] = keep
    wire: Callable[[bytes], bytes] = keep
    again: Callable[[bytes], bytes] = keep
    headers: Callable[[dict[str, str]], dict[str, str]] = keep
    nonce: Callable[[str], str] = keep
    listed: Callable[[list[Any]], list[Any]] = keep
    delivery: Callable[[str], str] = keep
    replies: Callable[[list[Any]], list[Any]] = keep
    files: Callable[[dict[str, bytes]], dict[str, bytes]] = keep
    spent: Callable[[Authorization], str] = name_spent

    def does(self, check: str) -> bool:
        """Whether a check of `CHECKS` is made; KeyError for one that is not there."""
        if check not in CHECKS:
            raise KeyError(check)
        return check not in self.skips


HONEST: Final = Habits()
