"""Hash trees over the leaves of a block: a root for all, and for each leaf a short path to it.

The shape and the prefixes (00 before a leaf, 01 before two nodes) are those of RFC 6962 section 2.1, with SM3; a node
without a neighbour rises as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.core.evidence.documents import EvidenceFault, Sm3


def hash_leaf(document: bytes, sm3: Sm3) -> bytes:
    """The hash by which a document stands in a tree."""
    return sm3(b"\x00" + document)


def find_root(leaves: Sequence[bytes], sm3: Sm3) -> bytes:
    """The root over leaf hashes, of which there is at least one."""
    return _levels(leaves, sm3)[-1][0]


def find_paths(leaves: Sequence[bytes], indices: Sequence[int], sm3: Sm3) -> list[tuple[bytes, ...]]:
    """For each index the neighbours on its way to the root, the lowest first."""
    levels = _levels(leaves, sm3)[:-1]
    return [tuple(_climb(levels, index)) for index in indices]


def follow_path(leaf: bytes, index: int, count: int, path: Sequence[bytes], sm3: Sm3) -> bytes:
    """The root that a leaf hash and its path lead to. Raises EvidenceFault for a path of another length."""
    if not 0 <= index < count:
        raise EvidenceFault(f"叶序号 {index} 超出本区块的叶数 {count}")
    node, rest = leaf, iter(path)
    while count > 1:
        if index % 2:
            node = _join(_next(rest), node, sm3)
        elif index + 1 < count:
            node = _join(node, _next(rest), sm3)
        index, count = index // 2, (count + 1) // 2
    if next(rest, None) is not None:
        raise EvidenceFault("证明路径过长")
    return node


def _levels(leaves: Sequence[bytes], sm3: Sm3) -> list[list[bytes]]:
    level = list(leaves)
    levels = [level]
    while len(level) > 1:
        pairs = [_join(level[at], level[at + 1], sm3) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
        levels.append(level)
    return levels


def _climb(levels: Sequence[Sequence[bytes]], index: int) -> Iterator[bytes]:
    for level in levels:
        if index ^ 1 < len(level):
            yield level[index ^ 1]
        index //= 2


def _join(left: bytes, right: bytes, sm3: Sm3) -> bytes:
    return sm3(b"\x01" + left + right)


def _next(rest: Iterator[bytes]) -> bytes:
    node = next(rest, None)
    if node is None:
        raise EvidenceFault("证明路径过短")
    return node
