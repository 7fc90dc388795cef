"""Strict JSON: one object, read once, or a refusal that says where.

Source: protocol section 2. What json.loads lets pass is refused here: a BOM, repeated names, NaN and Infinity, numbers
beyond a double, lone surrogates, U+0000, nesting deeper than 64.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NoReturn

from gateway.core.errors import FieldError, Problem
from gateway.core.wire.refusal import at, child, malformed

MAX_DEPTH: Final = 64
# Every integer of up to 308 digits fits a double; longer ones would also meet Python's own limit on digits.
_MAX_DIGITS: Final = 308
# A refusal names the first few faults: an answer must not grow with the mistakes in a hostile body.
_MAX_ERRORS: Final = 20
_MAX_POINTER: Final = 256
_BOM: Final = b"\xef\xbb\xbf"
# Beyond this many characters a refusal names the rule only: finding the place would cost more than the message.
_MAX_SEARCHED: Final = 65_536
# Possessive, and content with a string that does not end: whatever it meets, each byte is looked at once.
_STRING: Final = re.compile(rb'"(?:[^"\\]+|\\.?)*+"?', re.DOTALL)
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_BAD_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_PAIR_OF_ESCAPES: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")


class _RepeatedNameError(ValueError):
    """A name stands twice in one object."""


class _Pairs(list[tuple[str, Any]]):
    """An object of the second reading, repeated names and all."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """The one object of `raw`; Problem MALFORMED_REQUEST with a field error otherwise.

    Integers become int, all else numeric float; `-0` becomes the float it is, so that no field takes it for digits.
    """
    text = _decode(raw)
    _check_depth(raw)
    try:
        doc = _DECODER.decode(text)
    except _RepeatedNameError as error:
        raise malformed("", *_repeated_names(text)) from error
    except json.JSONDecodeError as error:
        raise _syntax_fault(error) from error
    if not isinstance(doc, dict):
        raise _refusal("type", "报文体应为一个 JSON 对象（以花括号包裹）。")
    if _BAD_ESCAPE.search(text):
        _check_escapes(text, doc)
    return doc


def _decode(raw: bytes) -> str:
    if raw.startswith(_BOM):
        raise _refusal("utf-8", "报文体开头有 BOM，请以无 BOM 的 UTF-8 编码发送。")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"报文体第 {error.start + 1} 字节起不是合法的 UTF-8，请检查是否误用了 GBK 等编码。"
        raise _refusal("utf-8", message) from error


def _check_depth(raw: bytes) -> None:
    """Refuse deep nesting before the parser meets it; few brackets in all cannot nest deeply."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", raw).translate(_ONE_KIND, _NO_BRACKETS)
    # Each round takes away the innermost level; what is unbalanced stays for the parser to name.
    for _ in range(MAX_DEPTH):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise _refusal("depth", f"报文体嵌套超过 {MAX_DEPTH} 层，请减少嵌套。")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedNameError
    return members


def _read_int(text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        raise _refusal("number", "报文体中有过长的数字，请检查数值字段。")
    return -0.0 if text == "-0" else int(text)


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _refusal("number", "报文体中有超出范围的数字，请检查数值字段。")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _refusal("number", f"报文体中有 {name}，JSON 不允许 NaN 与 Infinity。")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_read_int, parse_float=_read_float, parse_constant=_refuse_constant
)
_PAIRS_DECODER: Final = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)


def _repeated_names(text: str) -> list[FieldError]:
    """Read once more, keeping every pair, to say where the names stand."""
    try:
        found = _PAIRS_DECODER.decode(text) if len(text) <= _MAX_SEARCHED else None
    except json.JSONDecodeError:
        found = None  # the text breaks off further on, so that no pointer can be given
    errors = [
        at(where, "unique-names", f"字段名 {name} 在同一对象中重复，每个字段只写一次。")
        for where, name in islice(_repeats(found), _MAX_ERRORS)
        if len(where) <= _MAX_POINTER
    ]
    return errors or [at("", "unique-names", "报文体中有重复的字段名，每个字段只写一次。")]


def _repeats(found: object) -> Iterator[tuple[str, str]]:
    for pointer, pairs in _walk(found, ""):
        seen: set[str] = set()
        for name, _ in pairs if isinstance(pairs, _Pairs) else ():
            if name in seen:
                yield child(pointer, name), name
            seen.add(name)


def _check_escapes(text: str, doc: dict[str, Any]) -> None:
    """Refuse lone surrogates and U+0000; in well-formed JSON only escapes can make them."""
    rest = _PAIR_OF_ESCAPES.sub("_", text.replace("\\\\", "__"))
    if _BAD_ESCAPE.search(rest):
        pointer = _place_of_forbidden(doc) if len(text) <= _MAX_SEARCHED else ""
        raise malformed("", at(pointer, "characters", "文本中有 U+0000 或不成对的代理字符，请检查 \\u 转义。"))


def _place_of_forbidden(doc: dict[str, Any]) -> str:
    for pointer, value in _walk(doc, ""):
        texts = (value,) if isinstance(value, str) else value if isinstance(value, dict) else ()
        if any(_FORBIDDEN.search(text) for text in texts) and len(pointer) <= _MAX_POINTER:
            return pointer
    return ""


def _walk(value: object, pointer: str) -> Iterator[tuple[str, Any]]:
    """Every value under `value` with its pointer, itself first; the stack is a list, so depth costs no recursion."""
    stack: list[tuple[str, Any]] = [(pointer, value)]
    while stack:
        where, item = stack.pop()
        yield where, item
        if isinstance(item, dict):
            stack.extend((child(where, name), member) for name, member in item.items())
        elif isinstance(item, _Pairs):
            stack.extend((child(where, name), member) for name, member in item)
        elif isinstance(item, list):
            stack.extend((child(where, index), member) for index, member in enumerate(item))


def _syntax_fault(error: json.JSONDecodeError) -> Problem:
    return _refusal("json", f"报文体不是合法的 JSON：第 {error.lineno} 行第 {error.colno} 列附近有误。")


def _refusal(rule: str, message: str) -> Problem:
    return malformed(message, at("", rule, message))
