"""What a signature's text may have meant: r and s read as leniently as can be, with the mistakes that this forgives.

Source: protocol section 3 (strict DER, standard padded Base64), GB/T 35276. Nothing here is ever accepted.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import Problem
from gateway.core.wire.der import decode_signature

_MAX_TEXT: Final = 1024
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_HALF: Final = 32
_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30
_LONG_FORM: Final = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake's code, and what it is in Chinese."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """r and s, and the mistakes that stand between them and the text."""

    r: int
    s: int
    mistakes: tuple[Mistake, ...] = ()


_RAW: Final = Mistake(code="RAW_RS", text="签名是裸的 r‖s（64 字节），应为 ASN.1 DER 编码的 SEQUENCE{r,s}")
_PREFIXED: Final = Mistake(code="RAW_RS", text="签名是带 04 前缀的裸 r‖s（65 字节），应为 ASN.1 DER 的 SEQUENCE{r,s}")
_LOOSE: Final = Mistake(
    code="DER_NOT_STRICT", text="签名的 DER 编码不严格（r、s 应为最短的正整数，长度用最短形式，其后没有多余字节）"
)
_SWAPPED: Final = Mistake(code="SWAPPED_RS", text="r 与 s 的次序颠倒，应先 r 后 s")
_LITTLE: Final = Mistake(code="LITTLE_ENDIAN", text="r、s 按小端字节序书写，应为大端")
_WRAPPED: Final = Mistake(code="BASE64_WHITESPACE", text="签名的 Base64 中有空白或换行，应写成一行")
_URL_SAFE: Final = Mistake(
    code="BASE64_URL_SAFE", text="签名用了 URL 安全的 Base64（- 与 _），应为标准字母表（+ 与 /）"
)
_UNPADDED: Final = Mistake(code="BASE64_UNPADDED", text="签名的 Base64 缺少末尾的填充 =")
_IN_HEX: Final = Mistake(code="SIGNATURE_HEX", text="签名写成了十六进制，应为标准 Base64")
_TWICE: Final = Mistake(code="BASE64_TWICE", text="签名做了两次编码（Base64 之内还是文本），应只做一次 Base64")


def read_signature(text: str) -> list[Reading]:
    """All that the text may have meant, the strict reading first; empty for what is no signature at all."""
    readings = list(_plain(text))
    turned = [_turn(reading) for reading in readings]
    little = [_flip(reading) for reading in readings if _RAW in reading.mistakes]
    return readings + turned + little


def _plain(text: str) -> Iterator[Reading]:
    try:
        yield _read_der(decode_signature(text), strict=True)
    except (Problem, ValueError):
        yield from _lenient(text[:_MAX_TEXT])


def _lenient(text: str) -> Iterator[Reading]:
    for data, mistakes in _decoded(text):
        for read, mistake in _FORMS:
            try:
                reading = read(data)
            except ValueError:
                continue
            named = () if mistake is None else (mistake,)
            yield Reading(r=reading.r, s=reading.s, mistakes=(*mistakes, *named, *reading.mistakes))
            break


def _decoded(text: str) -> Iterator[tuple[bytes, tuple[Mistake, ...]]]:
    """The bytes behind a text: hexadecimal, or Base64 in any dress, once or twice."""
    if _HEX.fullmatch(text) and (text[:2] in {"30", "04"} or len(text) == 4 * _HALF):
        yield bytes.fromhex(text), (_IN_HEX,)
    data, mistakes = _forgive_base64(text)
    inner = data.decode("ascii", "replace")
    if _HEX.fullmatch(inner):
        yield bytes.fromhex(inner), (*mistakes, _TWICE)
    if inner.isascii() and inner.isprintable() and inner:
        again, more = _forgive_base64(inner)
        yield again, (*mistakes, *more, _TWICE)
    yield data, mistakes


def _forgive_base64(text: str) -> tuple[bytes, tuple[Mistake, ...]]:
    mistakes = []
    joined = "".join(text.split())
    standard = joined.replace("-", "+").replace("_", "/")
    padded = standard.rstrip("=") + "=" * (-len(standard.rstrip("=")) % 4)
    if joined != text:
        mistakes.append(_WRAPPED)
    if standard != joined:
        mistakes.append(_URL_SAFE)
    if padded != standard:
        mistakes.append(_UNPADDED)
    try:
        return base64.b64decode(padded, validate=True), tuple(mistakes)
    except (binascii.Error, ValueError):
        return b"", ()


def _read_der(data: bytes, *, strict: bool) -> Reading:
    if data[:1] != bytes([_SEQUENCE]):
        raise ValueError
    _, rest = _content(data)
    r, rest = _integer(rest)
    s, rest = _integer(rest)
    return Reading(r=r, s=s, mistakes=() if strict else (_LOOSE,))


def _content(data: bytes) -> tuple[int, bytes]:
    """Length and what follows it, of a definite length in any form."""
    if len(data) < 2:  # noqa: PLR2004 - tag and length
        raise ValueError
    length, start = data[1], 2
    if length >= _LONG_FORM:
        start += length - _LONG_FORM
        length = int.from_bytes(data[2:start])
    return length, data[start:]


def _integer(data: bytes) -> tuple[int, bytes]:
    """The next INTEGER taken as unsigned: a negative one lacks its leading zero."""
    if data[:1] != bytes([_INTEGER]):
        raise ValueError
    length, rest = _content(data)
    if not 1 <= length <= len(rest):
        raise ValueError
    return int.from_bytes(rest[:length]), rest[length:]


def _read_loose(data: bytes) -> Reading:
    """DER whatever its faults; what is strict after all had only its text wrong."""
    reading = _read_der(data, strict=False)
    try:
        decode_signature(base64.b64encode(data).decode())
    except Problem:
        return reading
    return Reading(r=reading.r, s=reading.s)


def _read_raw(data: bytes) -> Reading:
    if len(data) != 2 * _HALF:
        raise ValueError
    return Reading(r=int.from_bytes(data[:_HALF]), s=int.from_bytes(data[_HALF:]))


def _read_prefixed(data: bytes) -> Reading:
    if data[:1] != b"\x04":
        raise ValueError
    return _read_raw(data[1:])


_FORMS: Final[tuple[tuple[Callable[[bytes], Reading], Mistake | None], ...]] = (
    (_read_loose, None),
    (_read_raw, _RAW),
    (_read_prefixed, _PREFIXED),
)


def _turn(reading: Reading) -> Reading:
    return Reading(r=reading.s, s=reading.r, mistakes=(*reading.mistakes, _SWAPPED))


def _flip(reading: Reading) -> Reading:
    return Reading(r=_reverse(reading.r), s=_reverse(reading.s), mistakes=(*reading.mistakes, _LITTLE))


def _reverse(number: int) -> int:
    return int.from_bytes(number.to_bytes(_HALF), "little")
