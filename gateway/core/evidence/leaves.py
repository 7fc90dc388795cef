"""Leaves: the happenings that the chain holds, each a canonical document of its own kind and number.

A document names everything that the happening is judged by; bytes stand in it as their SM3, so that personal data may
be purged one day and the chain still verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.evidence.documents import Sm3, encode
from gateway.core.evidence.merkle import hash_leaf

MESSAGE: Final = "message"
RECEIPT: Final = "receipt"
REFUSAL: Final = "refusal"
CLOCK: Final = "clock"
CLOCK_EVENT: Final = "clockevent"
KEY: Final = "key"
AUDIT: Final = "audit"

TITLES: Final[Mapping[str, str]] = {
    MESSAGE: "受理报文",
    RECEIPT: "接收方回执",
    REFUSAL: "拒收请求",
    CLOCK: "法定期限",
    CLOCK_EVENT: "期限变动",
    KEY: "公钥登记与变更",
    AUDIT: "操作审计",
}
"""The kinds, each with its Chinese name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A happening in the chain's terms: the hash of its document, by kind and number within the kind.

    `subject` is the business number that it belongs to, where it has one.
    """

    kind: str
    number: int
    hash: bytes
    subject: str | None = None


def write_document(kind: str, members: Mapping[str, Any], sm3: Sm3) -> bytes:
    """The canonical bytes of a leaf; members that are bytes are written as the hex of their SM3."""
    hashed = {name: sm3(value).hex() for name, value in members.items() if isinstance(value, bytes)}
    return encode({**members, **hashed, "kind": kind})


def make_leaf(kind: str, members: Mapping[str, Any], sm3: Sm3, *, subject: str | None = None) -> Leaf:
    """The leaf of a happening; `members` hold its `number`."""
    document = write_document(kind, members, sm3)
    return Leaf(kind=kind, number=members["number"], hash=hash_leaf(document, sm3), subject=subject)
