"""What the store hands over for a bundle: leaves with their rows and bytes, and the chain around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

ORDER: Final = "order"
CASE: Final = "case"
GUARANTEE: Final = "guarantee"
SINGLE: Final = "message"

SCOPES: Final[Mapping[str, str]] = {CASE: "案件", ORDER: "订单", GUARANTEE: "保函", SINGLE: "报文"}
"""What a bundle may be about, each with its Chinese name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a bundle is about: `value` is the case's, order's or guarantee's number, or `source/id` of a message."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sealed happening: its stored hash and place, and the members of its document as the database has them now."""

    kind: str
    number: int
    height: int
    place: int
    hash: bytes
    members: Mapping[str, Any]
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A sealed happening whose row the database has no more: only its hash and place are left."""

    kind: str
    number: int
    height: int
    place: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A block as it is stored; `hashes` are those of all its leaves in their places, where a leaf of it is held."""

    height: int
    raw: bytes
    signature: str
    hashes: Sequence[bytes] = ()
    stamp: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that a bundle is made of.

    `subjects` tells the last position of each business number that is held whole, `clocks` the last step of each clock
    that is held by its number, both as far as they are sealed.
    """

    leaves: Sequence[Held]
    blocks: Sequence[Sealed]
    subjects: Mapping[str, int] = field(default_factory=dict)
    clocks: Mapping[str, int] = field(default_factory=dict)
    lost: Sequence[Lost] = ()
