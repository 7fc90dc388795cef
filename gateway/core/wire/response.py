"""The four headers that sign an answer.

Source: protocol section 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.core.value_class import value_class
from gateway.core.wire.refusal import malformed
from gateway.core.wire.syntax import NONCE, QUOTED_TEXT, SERIAL_NO, TIMESTAMP

_RULES: Final = {
    "Gzbzj-Serial": (SERIAL_NO, "应为 40 位大写十六进制公钥序列号"),
    "Gzbzj-Timestamp": (TIMESTAMP, "应为 10 位数字的 Unix 秒"),
    "Gzbzj-Nonce": (NONCE, "应为请求的 nonce_str"),
    "Gzbzj-Signature": (QUOTED_TEXT, "应为 Base64 文本，不得为空"),
}
_WANTED: Final = {name.lower(): name for name in _RULES}


@value_class
class ResponseSignature:
    """A signed answer's headers; `timestamp` in Unix seconds, `nonce` the request's, `signature` as Base64 text."""

    serial_no: str
    timestamp: int
    nonce: str
    signature: str


def parse_response_headers(headers: Mapping[str, str]) -> ResponseSignature:
    """Read the headers of an answer, names in any case; Problem MALFORMED_REQUEST says which one is wrong."""
    found: dict[str, str] = {}
    for raw_name, value in headers.items():
        name = _WANTED.get(raw_name.lower())
        if name in found:
            raise malformed(f"应答头 {name} 重复，每个签名头只写一次。")
        if name:
            found[name] = value.strip(" \t")
    for name, (pattern, rule) in _RULES.items():
        _require(name, found.get(name), pattern, rule)
    return ResponseSignature(
        serial_no=found["Gzbzj-Serial"],
        timestamp=int(found["Gzbzj-Timestamp"]),
        nonce=found["Gzbzj-Nonce"],
        signature=found["Gzbzj-Signature"],
    )


def format_response_headers(signature: ResponseSignature) -> dict[str, str]:
    """Write the four headers."""
    return {
        "Gzbzj-Serial": signature.serial_no,
        "Gzbzj-Timestamp": f"{signature.timestamp:010d}",
        "Gzbzj-Nonce": signature.nonce,
        "Gzbzj-Signature": signature.signature,
    }


def _require(name: str, value: str | None, pattern: re.Pattern[str], rule: str) -> None:
    if value is None:
        raise malformed(f"应答缺少签名头 {name}，请按应答签名规则补全四个 Gzbzj- 头。")
    if pattern.fullmatch(value) is None:
        raise malformed(f"应答头 {name} 格式有误，{rule}。")
