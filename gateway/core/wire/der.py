"""A signature's text back to its DER bytes, strictly.

Source: protocol section 3: ASN.1 DER `SEQUENCE{r,s}` (GB/T 35276), then standard padded Base64 without line breaks.
One signature has one text: a second spelling of it is refused, and the refusal names the usual mistake.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from gateway.core.errors import Problem

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_LONG_FORM: Final = 0x80
_SIGN_BIT: Final = 0x80
_HEADER: Final = 2
_MAX_INTEGER: Final = 33
_MAX_TEXT: Final = 512
_RAW: Final = 64
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){64,72}")


def decode_signature(text: str) -> bytes:
    """The DER bytes of a Base64 signature; Problem SIGNATURE_MALFORMED names what is wrong.

    r and s are minimal and positive; whether they are below the curve's order is left to the verification.
    """
    der = _decode_base64(text)
    fault = _sequence_fault(der)
    if fault is None:
        return der
    if len(der) == _RAW:
        raise _malformed("解码后恰为 64 字节，像是裸的 r‖s，请改为 ASN.1 DER 编码的 SEQUENCE{r,s}")
    raise _malformed(fault)


def encode_signature(der: bytes) -> str:
    """The Base64 text of a DER signature."""
    return base64.b64encode(der).decode("ascii")


def _decode_base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(_base64_fault(text)) from error
    # Non-zero bits after the last byte decode silently; the one right text is the one that encoding gives back.
    if encode_signature(raw) != text or len(text) > _MAX_TEXT or _HEX.fullmatch(text):
        raise _malformed(_base64_fault(text))
    return raw


_BASE64_FAULTS: Final = (
    (re.compile(r".*[\s]", re.DOTALL), "Base64 中有空白或换行，请写成一行"),
    (re.compile(r".*[-_]", re.DOTALL), "用了 URL 安全的 Base64 字母表，请改用标准字母表（+ 与 /）"),
    (_HEX, "像是十六进制文本，请改用 Base64"),
    (re.compile(rf".{{{_MAX_TEXT + 1},}}", re.DOTALL), "过长，不可能是 SM2 签名"),
)


def _base64_fault(text: str) -> str:
    for pattern, fault in _BASE64_FAULTS:
        if pattern.match(text):
            return fault
    return "不是带填充的标准 Base64，请检查填充的 = 与多余字符"


def _sequence_fault(der: bytes) -> str | None:
    if len(der) < _HEADER or der[0] != _SEQUENCE:
        return "不是 ASN.1 SEQUENCE（应以 30 开头）"
    if der[1] >= _LONG_FORM or der[1] != len(der) - _HEADER:
        return "SEQUENCE 的长度与内容不符，或长度未用最短形式"
    fault, position = _integer_fault(der, _HEADER, "r")
    if fault is None:
        fault, position = _integer_fault(der, position, "s")
    if fault is None and position != len(der):
        return "SEQUENCE 在 r、s 之后还有多余字节"
    return fault


def _integer_fault(der: bytes, start: int, name: str) -> tuple[str | None, int]:
    head, body = der[start : start + _HEADER], start + _HEADER
    if len(head) < _HEADER or head[0] != _INTEGER:
        return f"{name} 不是 INTEGER（应以 02 开头）", start
    end = body + head[1]
    if not 1 <= head[1] <= _MAX_INTEGER or end > len(der):
        return f"{name} 的长度有误", start
    return _value_fault(der[body:end], name), end


def _value_fault(value: bytes, name: str) -> str | None:
    if value[0] & _SIGN_BIT:
        return f"{name} 是负数，最高位为 1 时前面应补 00"
    if value == b"\x00":
        return f"{name} 为零"
    if value[0] == 0 and not value[1] & _SIGN_BIT:
        return f"{name} 有多余的前导 00，应用最短形式"
    if len(value) == _MAX_INTEGER and value[0]:
        return f"{name} 超过 256 位"
    return None


def _malformed(fault: str) -> Problem:
    return Problem("SIGNATURE_MALFORMED", f"签名值格式有误：{fault}。")
