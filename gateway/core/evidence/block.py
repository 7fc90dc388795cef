"""Blocks: signed headers, each over a tree of leaves, each naming earlier ones by their digests.

A header of height h names h-1, h-2, h-4, … for every power of two that divides h. So all headers stand in one line, and
from any of them a way of a few dozen steps leads down to any other, however long the chain has grown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from gateway.core.evidence.documents import DIGEST_BYTES, EvidenceFault, Sm3, decode, encode, take

VERSION: Final = 1
LEAVES: Final = 256
"""Leaves in one block at most: a proof needs all of its block's hashes once, and eight of them afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The head of one block. `height` counts from 1; `sealed_at` is microseconds UTC; digests are lower-case hex.

    `links` are the digests of the headers at `link_heights(height)`, in that order. `serial_no` names the gateway's key
    that signs it.
    """

    height: int
    links: tuple[str, ...]
    root: str
    count: int
    sealed_at: int
    serial_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A sealed header: its canonical bytes, the SM2 signature over them (Base64), and their SM3."""

    header: Header
    raw: bytes
    signature: str
    digest: str


def link_heights(height: int) -> tuple[int, ...]:
    """The heights that a header names: its predecessor first, then ever further steps."""
    steps = (1 << power for power in range(height.bit_length()) if height % (1 << power) == 0)
    return tuple(height - step for step in steps if height > step)


def way_down(top: int, bottom: int) -> tuple[int, ...]:
    """Heights from `top` to `bottom`, each named by the one before: the longest steps that do not pass the end."""
    way = [top]
    while way[-1] > bottom:
        way.append(min(height for height in link_heights(way[-1]) if height >= bottom))
    return tuple(way)


def join_ways(heights: Sequence[int]) -> tuple[int, ...]:
    """All heights, sorted, that link the given ones to each other."""
    wanted = sorted(set(heights))
    ways = {height for low, high in pairwise(wanted) for height in way_down(high, low)}
    return tuple(sorted(ways | set(wanted)))


def encode_header(header: Header) -> bytes:
    """The bytes that are hashed and signed."""
    document = {
        "count": header.count,
        "height": header.height,
        "links": list(header.links),
        "root": header.root,
        "sealedAt": header.sealed_at,
        "serialNo": header.serial_no,
        "version": VERSION,
    }
    return encode(document)


def decode_header(raw: bytes) -> Header:
    """Read a header. Raises EvidenceFault for anything that `encode_header` would not have written."""
    document = decode(raw)
    if document.get("version") != VERSION:
        raise EvidenceFault(f"区块版本不是 {VERSION}")
    header = Header(
        height=take(document, "height", int),
        links=tuple(take(document, "links", list)),
        root=take(document, "root", str),
        count=take(document, "count", int),
        sealed_at=take(document, "sealedAt", int),
        serial_no=take(document, "serialNo", str),
    )
    _check(header)
    if encode_header(header) != raw:
        raise EvidenceFault("区块头含未知成员")
    return header


def check_links(header: Header, digests: Mapping[int, str]) -> None:
    """Raise EvidenceFault where the header names another digest than one of `digests` (height → digest)."""
    for height, link in zip(link_heights(header.height), header.links, strict=True):
        if height in digests and digests[height] != link:
            raise EvidenceFault(f"所记的第 {height} 块摘要与该块不符")


def seal(header: Header, signature: str, sm3: Sm3) -> Block:
    """A block of a header and its signature."""
    raw = encode_header(header)
    return Block(header=header, raw=raw, signature=signature, digest=sm3(raw).hex())


def _check(header: Header) -> None:
    if header.height < 1 or header.count < 1 or len(header.links) != len(link_heights(header.height)):
        raise EvidenceFault("区块头的高度、叶数或链接数不对")
    if not all(_is_digest(text) for text in (header.root, *header.links)):
        raise EvidenceFault("区块头中的摘要格式有误")


def _is_digest(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 2 * DIGEST_BYTES and not set(text) - set("0123456789abcdef")
