"""The Authorization header: its parameters read, written and held against the clock.

Source: protocol section 3. Whether the signature's Base64 and DER are good is `der`'s question.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.core.errors import Problem
from gateway.core.value_class import value_class
from gateway.core.wire.refusal import malformed
from gateway.core.wire.syntax import NONCE, PARTY_ID, QUOTED_TEXT, SERIAL_NO, TIMESTAMP

SCHEME: Final = "GZBZJ1-SM2-WITH-SM3"
WINDOW_S: Final = 300

_BLANKS: Final = " \t"
_PARAMETER: Final = re.compile(r'[ \t]*([A-Za-z0-9_-]+)="([^"]*)"[ \t]*(,|\Z)')
_RULES: Final = {
    "sender_id": (PARTY_ID, "应为机构标识：小写字母开头，2 至 32 位小写字母、数字或连字符"),
    "serial_no": (SERIAL_NO, "应为 40 位大写十六进制公钥序列号"),
    "timestamp": (TIMESTAMP, "应为 10 位数字的 Unix 秒"),
    "nonce_str": (NONCE, "应为 16 至 64 位字母或数字"),
    "signature": (QUOTED_TEXT, "应为 Base64 文本，不得为空"),
}


@value_class
class Authorization:
    """The five parameters; `timestamp` in Unix seconds, `signature` as its Base64 text."""

    sender_id: str
    serial_no: str
    timestamp: int
    nonce: str
    signature: str


def parse_authorization(value: str) -> Authorization:
    """Read a header value.

    Raises Problem: AUTH_SCHEME_UNSUPPORTED for another scheme, MALFORMED_REQUEST for a parameter that is missing,
    repeated, unknown or ill-formed (protocol section 3).
    """
    scheme, _, rest = value.strip(_BLANKS).partition(" ")
    if scheme != SCHEME:
        raise Problem("AUTH_SCHEME_UNSUPPORTED")
    found = _parameters(rest)
    for name, (pattern, rule) in _RULES.items():
        _require(name, found.get(name), pattern, rule)
    return Authorization(
        sender_id=found["sender_id"],
        serial_no=found["serial_no"],
        timestamp=int(found["timestamp"]),
        nonce=found["nonce_str"],
        signature=found["signature"],
    )


def format_authorization(authorization: Authorization) -> str:
    """Write the header value, parameters in the order of protocol section 3."""
    return (
        f'{SCHEME} sender_id="{authorization.sender_id}",serial_no="{authorization.serial_no}",'
        f'timestamp="{authorization.timestamp:010d}",nonce_str="{authorization.nonce}",'
        f'signature="{authorization.signature}"'
    )


def check_timestamp(timestamp: int, now_us: int) -> None:
    """Raise TIMESTAMP_OUT_OF_WINDOW unless `timestamp` (Unix seconds) is within 300 s of `now_us`, ends included.

    Both in whole seconds, as the sender counts them: else its 300th second would be out on one side alone.
    """
    off = timestamp - now_us // 1_000_000
    if abs(off) > WINDOW_S:
        side = "早于" if off < 0 else "晚于"
        raise Problem(
            "TIMESTAMP_OUT_OF_WINDOW",
            f"时间戳{side}接收方时钟约 {abs(off)} 秒，超过允许的 {WINDOW_S} 秒，请校准时钟后重新签名。",
        )


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position, separator = 0, ","
    while separator:
        match = _PARAMETER.match(text, position)
        if match is None:
            raise malformed('Authorization 请求头的参数格式有误，应为以逗号分隔的 名称="值"，等号两侧不留空格。')
        name, value, separator = match.groups()
        _refuse_stray(name, found)
        found[name] = value
        position = match.end()
    return found


def _refuse_stray(name: str, found: dict[str, str]) -> None:
    if name not in _RULES:
        raise malformed(f"Authorization 请求头含未知参数 {name}，只允许 {'、'.join(_RULES)}。")
    if name in found:
        raise malformed(f"Authorization 请求头的参数 {name} 重复，每个参数只写一次。")


def _require(name: str, value: str | None, pattern: re.Pattern[str], rule: str) -> None:
    if value is None:
        raise malformed(f"Authorization 请求头缺少参数 {name}。")
    if pattern.fullmatch(value) is None:
        raise malformed(f"Authorization 请求头的参数 {name} 格式有误，{rule}。")
