"""The store's part of the evidence: what is to be sealed, the chain, and what a bundle is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.evidence.block import Block
from gateway.core.evidence.holdings import Holdings, Scope
from gateway.core.evidence.leaves import Leaf
from gateway.ports.records import Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a kind is read: all numbers up to `through` that could be seen are among the leaves or sealed."""

    kind: str
    through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What the next blocks may hold, the first of them at `height`.

    `below` holds the digests of the headers under it that those blocks name, however many they are.

    `finished` and `begun` tell transactions apart that may still bring lower numbers: numbers of the database's own,
    all 0 where it writes one after the other.
    """

    height: int
    below: Mapping[int, str]
    leaves: Sequence[Leaf]
    marks: Sequence[Mark]
    finished: int
    begun: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """The chain as it stands: its head (0 and None while it is empty), and what waits to be sealed.

    `oldest_at` is the instant of the oldest happening that waits, None where none does.
    """

    height: int
    digest: str | None
    sealed_at: int | None
    behind: int
    oldest_at: int | None


class Ledger(Protocol):
    """The chain. Any number of processes may seal at once: one of them wins each height."""

    async def prospect(self, *, limit: int) -> Prospect:
        """At most `limit` happenings that are not sealed, and what the next header must name."""
        ...

    async def seal(self, blocks: Sequence[Block], prospect: Prospect) -> bool:
        """Write blocks that hold the prospect's leaves in their order, all or none.

        False when another process sealed one of these heights or leaves.
        """
        ...

    async def gather(self, scope: Scope) -> Holdings:
        """What a bundle about this is made of, as far as it is sealed. Raises Missing where there is no such thing."""
        ...

    async def keep_export(self, digest: str, signature: str, *, now: int, audit: Audit) -> str:
        """Note an export; the signature of the first export of the same manifest, so that it stays the same."""
        ...

    async def unstamped_head(self) -> tuple[int, bytes] | None:
        """Height and header of the newest block, unless it has its timestamp or there is none."""
        ...

    async def keep_stamp(self, height: int, token: bytes, *, now: int) -> None:
        """Keep an authority's timestamp over a block's header; the first one stays."""
        ...

    async def chain_status(self) -> ChainStatus:
        """Where the chain stands."""
        ...
