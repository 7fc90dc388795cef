from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Problem
from gateway.core.wire.problem import encode_problem
from gateway.core.wire.strict_json import parse_object
from tests.wire.refusals import refusal_of

CLEAN = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | CLEAN,
    lambda inner: st.lists(inner) | st.dictionaries(CLEAN, inner),
    max_leaves=30,
)
PIECES = [
    *(text.encode() for text in ["{", "}", "[", "]", ":", ",", '"', "\\", "1", "-", "e", "NaN", "null", "\\u0000"]),
    b"\\ud800",
    b"\xff",
    b"\x00",
    b'{"a":',
    b'"a"',
]


@given(st.dictionaries(CLEAN, VALUES), st.booleans())
def test_clean_json_is_read_as_it_is(doc, ascii_only):
    """What a strict writer writes, escaped or not, is read to the same values."""
    assert parse_object(json.dumps(doc, ensure_ascii=ascii_only).encode()) == doc


@given(st.one_of(st.binary(), st.lists(st.sampled_from(PIECES), max_size=200).map(b"".join)))
def test_any_bytes_are_read_or_refused(raw):
    """No body raises anything but MALFORMED_REQUEST, and the refusal itself can be written."""
    problem = refusal_of(parse_object, raw)
    if problem is None:
        json.dumps(parse_object(raw), ensure_ascii=False).encode()
    else:
        assert problem.code == "MALFORMED_REQUEST"
        assert problem.errors
        assert json.loads(encode_problem(problem, "r-1"))["code"] == "MALFORMED_REQUEST"


@given(st.lists(st.sampled_from(["\\\\", "\\u0000", "\\ud83d", "\\uDE00", "\\u0041", '\\"', "a", "u0000", "保"])))
def test_escapes_are_judged_by_what_they_make(pieces):
    """A text is refused exactly when its characters, once read, hold a lone surrogate or U+0000."""
    raw = f'{{"a":"{"".join(pieces)}"}}'.encode()
    made = json.loads(raw)["a"]
    bad = any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in made)
    assert (refusal_of(parse_object, raw) is not None) == bad


def nested(levels: list[str]) -> str:
    inner = "1"
    for level in levels:
        inner = f'{{"a]{{":{inner}}}' if level == "{" else f'["[",{inner},[]]'
    return inner


@given(st.lists(st.sampled_from("[{"), min_size=55, max_size=75))
def test_depth_is_counted_exactly(levels):
    """A body is refused for depth exactly when its containers nest beyond 64, brackets in texts aside."""
    # The empty array beside the innermost value is a level of its own.
    depth = 1 + len(levels) + (levels[0] == "[")
    problem = refusal_of(parse_object, f'{{"top":{nested(levels)}}}'.encode())
    assert (problem is not None) == (depth > 64)
    assert problem is None or problem.errors[0].rule == "depth"


@pytest.mark.parametrize(
    "raw",
    [b"[" * 1_000_000, b'{"a":' * 200_000, b'{"a":[' + b"[]," * 300_000 + b"[]]}", b'{"a":"' + b"\\" * 999_999],
    ids=["arrays", "objects", "wide", "unterminated"],
)
def test_a_body_of_the_greatest_size_neither_overflows_nor_hangs(raw):
    """A megabyte of brackets is answered, never a RecursionError."""
    problem = refusal_of(parse_object, raw)
    assert problem is None or problem.code == "MALFORMED_REQUEST"


def test_the_refusal_of_many_repeats_stays_small():
    """A hostile body with thousands of repeated names gets its first few faults named."""
    raw = b"{" + b",".join(b'"n%d":1' % (index % 5000) for index in range(10_000)) + b"}"
    with pytest.raises(Problem) as caught:
        parse_object(raw)
    assert 0 < len(caught.value.errors) <= 20


@pytest.mark.parametrize("filling", [rb"\"", b"\\\\", rb"a\"", b'"', rb"\u0000"])
def test_a_hostile_string_is_looked_at_once(filling: bytes) -> None:
    """A mebibyte of escapes in a string that may never end is refused, not searched for ever."""
    body = b"[" * 65 + b'"' + filling * ((1 << 20) // len(filling))
    with pytest.raises(Problem) as caught:
        parse_object(body)
    assert caught.value.code == "MALFORMED_REQUEST"
