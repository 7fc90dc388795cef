"""Headers from what is to be sealed: pure, the signature is made by whoever holds the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.core.evidence.block import LEAVES, Header, link_heights
from gateway.core.evidence.documents import Sm3
from gateway.core.evidence.leaves import Leaf
from gateway.core.evidence.merkle import find_root


def divide(leaves: Sequence[Leaf]) -> Iterator[Sequence[Leaf]]:
    """The leaves of each block, in their order: as few blocks as can be."""
    return (leaves[at : at + LEAVES] for at in range(0, len(leaves), LEAVES))


def draft_header(
    leaves: Sequence[Leaf], *, height: int, below: Mapping[int, str], sealed_at: int, serial_no: str, sm3: Sm3
) -> Header:
    """The header over these leaves, at least one; `below` holds the digests of the headers that it must name."""
    return Header(
        height=height,
        links=tuple(below[named] for named in link_heights(height)),
        root=find_root([leaf.hash for leaf in leaves], sm3).hex(),
        count=len(leaves),
        sealed_at=sealed_at,
        serial_no=serial_no,
    )
