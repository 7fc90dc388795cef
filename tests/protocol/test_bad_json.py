"""What is not strict JSON (protocol section 2): each way to get it wrong is told, and none breaks anything."""

from __future__ import annotations

import pytest

from tests.protocol.caller import Caller, check_refused

DEEP = 1000
NASTY = {
    "empty": b"",
    "blank": b" ",
    "null": b"null",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "cut short": b'{"id":"x"',
    "two objects": b"{}{}",
    "trailing comma": b'{"id":"x",}',
    "a comment": b'{"id":"x"/**/}',
    "single quotes": b"{'id':'x'}",
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"id":"x"}'.encode("utf-16"),
    "GBK": '{"id":"保函"}'.encode("gbk"),
    "cut UTF-8": b'{"id":"\xe4\xbf"}',
    "overlong UTF-8": b'{"id":"\xc0\x80"}',
    "UTF-8 surrogate": b'{"id":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"id":"\xf4\x90\x80\x80"}',
    "repeated name": b'{"id":"x","id":"x"}',
    "repeated name, escaped": b'{"id":"x","\\u0069d":"x"}',
    "repeated deep": b'{"data":{"a":[{"b":1,"b":1}]}}',
    "many repeated": b"{" + b",".join([b'"k":1'] * 20_000) + b"}",
    "NaN": b'{"id":NaN}',
    "Infinity": b'{"id":-Infinity}',
    "1e999": b'{"id":1e999}',
    "huge integer": b'{"id":' + b"9" * 5000 + b"}",
    "megabyte integer": b'{"id":' + b"9" * 1_000_000 + b"}",
    "long fraction": b'{"id":0.' + b"1" * 1_000_000 + b"}",
    "leading zero": b'{"id":01}',
    "plus": b'{"id":+1}',
    "hexadecimal": b'{"id":0x1}',
    "U+0000 escaped": b'{"id":"\\u0000"}',
    "U+0000 in a name": b'{"\\u0000":1}',
    "U+0000 raw": b'{"id":"\x00"}',
    "control raw": b'{"id":"\n"}',
    "high surrogate": b'{"id":"\\ud800"}',
    "low surrogate": b'{"id":"\\udc00"}',
    "reversed pair": b'{"id":"\\udc00\\ud800"}',
    "surrogate in a name": b'{"\\ud800":1}',
    "bad escape": b'{"id":"\\x41"}',
    "cut escape": b'{"id":"\\u00"}',
    "65 deep": b'{"data":' + b"[" * 64 + b"]" * 64 + b"}",
    "1000 deep": b'{"data":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "1000 deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a megabyte deep": b"[" * 1_000_000,
    "a megabyte of closing": b'{"a":1' + b"}" * 1_000_000,
    "a megabyte of quotes": b'{"a":' + b'"' * 1_000_000,
    "a megabyte of backslashes": b'{"a":"' + b"\\" * 1_000_000,
    "a megabyte of names": b"{" + b",".join(b'"%d":1' % n for n in range(80_000)) + b"}",
}


@pytest.mark.parametrize("name", NASTY)
async def test_a_bad_body_is_malformed(hardy: Caller, name: str):
    """What is not strict JSON, or not an envelope, is 400 with at least one pointer, signed."""
    answer = await hardy.post(NASTY[name])
    check_refused(answer, "MALFORMED_REQUEST")
    assert answer.pointers


async def test_the_64th_level_is_the_last(hardy: Caller):
    """64 levels are strict JSON and go on to the envelope; one more is not."""
    levels = [b'{"data":' + b"[" * depth + b"]" * depth + b"}" for depth in (63, 64)]
    rules = [(await hardy.post(body)).doc["errors"][0]["rule"] for body in levels]
    assert rules == ["required", "depth"]
