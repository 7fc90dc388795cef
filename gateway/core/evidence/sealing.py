"""A block's header from what is to be sealed: pure, the signature is made by whoever holds the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.core.evidence.block import Header, link_heights
from gateway.core.evidence.documents import Sm3
from gateway.core.evidence.leaves import Leaf
from gateway.core.evidence.merkle import find_root


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
