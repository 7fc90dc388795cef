"""Trees, headers and the ways between blocks."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.evidence.block import (
    Header,
    check_links,
    decode_header,
    encode_header,
    join_ways,
    link_heights,
    way_down,
)
from gateway.core.evidence.documents import EvidenceFault, decode, encode
from gateway.core.evidence.merkle import find_paths, find_root, follow_path, hash_leaf
from gateway.crypto.digest import sm3


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


def leaves(count: int) -> list[bytes]:
    return [hash_leaf(str(number).encode(), sm3) for number in range(count)]


def recursive_root(nodes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there."""
    if len(nodes) == 1:
        return nodes[0]
    split = 1
    while split * 2 < len(nodes):
        split *= 2
    return sm3(b"\x01" + recursive_root(nodes[:split]) + recursive_root(nodes[split:]))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 64, 100])
def test_every_leaf_has_its_path_to_the_root_of_rfc_6962(count: int) -> None:
    """The root is the standard's, and each path leads to it from its own leaf and place alone."""
    nodes = leaves(count)
    root = find_root(nodes, sm3)
    assert root == recursive_root(nodes)
    for index, path in enumerate(find_paths(nodes, range(count), sm3)):
        assert follow_path(nodes[index], index, count, path, sm3) == root
        if count > 1:
            assert follow_path(nodes[index - 1], index, count, path, sm3) != root


@pytest.mark.parametrize(("index", "extra"), [(9, []), (-1, []), (3, [b"x" * 32]), (3, None)])
def test_a_path_of_another_length_is_refused(index: int, extra: list[bytes] | None) -> None:
    """Too short, too long, or a place that the block has not."""
    (path,) = find_paths(leaves(9), [3], sm3)
    wrong = path[:-1] if extra is None else [*path, *extra]
    with pytest.raises(EvidenceFault):
        follow_path(leaves(9)[3], index, 9, wrong, sm3)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_way_between_two_heights_is_short(one: int, other: int) -> None:
    """Each step is named by the header before it, and there are at most twice the digits of the distance."""
    low, high = sorted((one, other))
    way = way_down(high, low)
    assert way[0] == high
    assert way[-1] == low
    for above, below in pairwise(way):
        assert below in link_heights(above)
    assert len(way) <= 2 * high.bit_length() + 2


@given(st.sets(st.integers(1, 5000), min_size=1, max_size=20))
def test_heights_are_joined_without_a_gap(heights: set[int]) -> None:
    """Every height but the lowest names one below it that is there too."""
    joined = join_ways(sorted(heights))
    assert heights <= set(joined)
    for height in joined[1:]:
        assert set(link_heights(height)) & set(joined)


def header(height: int = 4) -> Header:
    links = tuple(digest(str(below).encode()).hex() for below in link_heights(height))
    return Header(height=height, links=links, root="ab" * 32, count=3, sealed_at=1, serial_no="AB" * 20)


def test_a_header_is_read_back() -> None:
    """What is written is read to the same header."""
    assert decode_header(encode_header(header())) == header()


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b'"height":4', b'"height": 4'),
        lambda raw: raw.replace(b'"height":4', b'"height":5'),
        lambda raw: raw.replace(b'"height":4', b'"height":true'),
        lambda raw: raw.replace(b'"version":1', b'"version":2'),
        lambda raw: raw.replace(b'"count":3', b'"count":0'),
        lambda raw: raw.replace(b"abab", b"ABab"),
        lambda raw: raw[:-1] + b',"z":1}',
        lambda raw: raw[:-1],
    ],
)
def test_another_header_is_refused(change) -> None:
    """Blanks, other members, other kinds: only the canonical bytes count."""
    with pytest.raises(EvidenceFault):
        decode_header(change(encode_header(header())))


def test_links_must_agree_with_the_blocks() -> None:
    """A header names those before it by their digests."""
    named = dict(zip(link_heights(4), header().links, strict=True))
    check_links(header(), named)
    with pytest.raises(EvidenceFault, match="第 3 块"):
        check_links(header(), named | {3: "00" * 32})


@pytest.mark.parametrize("raw", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1.0}x', b"[]", b'{"a":1,"a":1}'])
def test_only_canonical_documents_are_read(raw: bytes) -> None:
    """Another order, blanks, repeated names."""
    with pytest.raises(EvidenceFault):
        decode(raw)


def test_documents_keep_chinese() -> None:
    """Text is itself, in UTF-8."""
    assert encode({"b": "保函", "a": None}) == '{"a":null,"b":"保函"}'.encode()
