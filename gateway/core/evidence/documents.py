"""Canonical documents of the evidence: what is hashed and signed is the bytes that `encode` gives, and no others.

Members sorted by name, no blanks, UTF-8, Chinese characters as themselves: RFC 8785 for the values used here, which are
text, integers, null, lists and objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.wire.strict_json import parse_object

Sm3 = Callable[[bytes], bytes]
"""The 32 bytes of SM3 (GB/T 32905); passed in, for it is computed by a library."""

DIGEST_BYTES: Final = 32

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


class EvidenceFault(ValueError):  # noqa: N818 - what is wrong with a piece of evidence, told to people
    """A piece of evidence does not hold; the text says what, in Chinese."""


def encode(document: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a document."""
    return _ENCODER.encode(document).encode("utf-8", "surrogatepass")


def decode(raw: bytes) -> dict[str, Any]:
    """The document of canonical bytes. Raises EvidenceFault for bytes that `encode` would not have written."""
    try:
        document = parse_object(raw)
    except Problem as problem:
        raise EvidenceFault(f"不是合法的 JSON：{problem.message}") from problem
    if encode(document) != raw:
        raise EvidenceFault("不是规范格式的 JSON（成员应按名称排序，不含空白）")
    return document


def take(document: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A member of the wanted kind. Raises EvidenceFault for another one, a boolean in a number's place included."""
    value = document.get(name)
    if name not in document or not isinstance(value, kind) or isinstance(value, bool):
        raise EvidenceFault(f"成员 {name} 缺失或类型不对")
    return value
