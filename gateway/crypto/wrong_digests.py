"""The digests that people sign instead of SM3(ZA ‖ M), one row a mistake.

Source: GB/T 32918.2 clause 5.5 (ZA) and 6.1; protocol sections 3 and 7.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.crypto import curve
from gateway.crypto.digest import sm3
from gateway.crypto.evp import USER_ID

_FIGURES: Final = b"".join(number.to_bytes(curve.FIELD_BYTES) for number in (curve.A, curve.B)) + curve.G[1:]
_BITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A way from a message to the number that is signed; `digest` takes the point `04 ‖ x ‖ y` and the message."""

    code: str
    text: str
    digest: Callable[[bytes, bytes], bytes]


@lru_cache(maxsize=64)
def za(point: bytes, user_id: bytes = USER_ID, *, length: int | None = None) -> bytes:
    """ZA of a key and a user id (GB/T 32918.2 clause 5.5); `length` in bits where it is to be a wrong one."""
    bits = _BITS * len(user_id) if length is None else length
    return sm3(bits.to_bytes(2) + user_id + _FIGURES + point[1:])


def right_digest(point: bytes, message: bytes) -> bytes:
    """SM3(ZA ‖ M) with the user id of protocol section 3."""
    return sm3(za(point) + message)


def _under_za(change: Callable[[bytes], bytes]) -> Callable[[bytes, bytes], bytes]:
    return lambda point, message: sm3(za(point) + change(message))


def _with_id(user_id: bytes) -> Callable[[bytes, bytes], bytes]:
    return lambda point, message: sm3(za(point, user_id) + message)


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


_OTHER_IDS: Final = (b"ALICE123@YAHOO.COM", b"12345678", b"31323334353637383132333435363738", b"\x00" * 16)


def other_id(user_id: bytes) -> Mixture:
    """The mistake of another user id."""
    text = f"SM2 用户标识用了“{user_id.decode('latin-1')}”，应为 1234567812345678"
    return Mixture(code="OTHER_USER_ID", text=text, digest=_with_id(user_id))


MIXTURES: Final[tuple[Mixture, ...]] = (
    Mixture(
        code="NO_ZA",
        text="没有加入 ZA：只对待签名串做了 SM3，应签 SM3(ZA‖M)，用户标识 1234567812345678",
        digest=lambda _, message: sm3(message),
    ),
    Mixture(code="EMPTY_USER_ID", text="SM2 用户标识为空，应为 1234567812345678", digest=_with_id(b"")),
    *(other_id(user_id) for user_id in _OTHER_IDS),
    Mixture(
        code="OTHER_USER_ID",
        text="ZA 中用户标识的长度以字节计（16），应以比特计（128，即 0080）",
        digest=lambda point, message: sm3(za(point, length=len(USER_ID)) + message),
    ),
    Mixture(
        code="DOUBLE_SM3",
        text="做了两次 SM3：先自己求了 SM3，签名函数里又求了一次；应把待签名串原文交给签名函数",
        digest=_under_za(sm3),
    ),
    Mixture(
        code="DOUBLE_SM3", text="做了两次 SM3（对 SM3(ZA‖M) 又求一次）", digest=lambda p, m: sm3(right_digest(p, m))
    ),
    Mixture(code="DOUBLE_SM3", text="做了两次 SM3，且没有加入 ZA", digest=lambda _, message: sm3(sm3(message))),
    Mixture(
        code="DIGEST_HEX",
        text="签的是待签名串 SM3 摘要的十六进制文本（小写），应把待签名串原文交给签名函数",
        digest=_under_za(lambda message: _hex(sm3(message))),
    ),
    Mixture(
        code="DIGEST_HEX",
        text="签的是待签名串 SM3 摘要的十六进制文本（大写），应把待签名串原文交给签名函数",
        digest=_under_za(lambda message: _hex(sm3(message)).upper()),
    ),
    Mixture(
        code="DIGEST_HEX",
        text="签的是待签名串 SM3 摘要的十六进制文本，且没有加入 ZA",
        digest=lambda _, message: sm3(_hex(sm3(message))),
    ),
    Mixture(
        code="DIGEST_BASE64",
        text="签的是待签名串 SM3 摘要的 Base64 文本，应把待签名串原文交给签名函数",
        digest=_under_za(lambda message: base64.b64encode(sm3(message))),
    ),
    Mixture(code="MESSAGE_ENCODED", text="签的是待签名串的 Base64 文本，应签原文", digest=_under_za(base64.b64encode)),
    Mixture(code="MESSAGE_ENCODED", text="签的是待签名串的十六进制文本，应签原文", digest=_under_za(_hex)),
    Mixture(
        code="OTHER_DIGEST",
        text="摘要算法用了 SHA-256，应为 SM3",
        digest=lambda point, message: hashlib.sha256(za(point) + message).digest(),
    ),
    Mixture(
        code="OTHER_DIGEST",
        text="摘要算法用了 SHA-256，也没有加入 ZA；应签 SM3(ZA‖M)",
        digest=lambda _, message: hashlib.sha256(message).digest(),
    ),
    Mixture(
        code="DOUBLE_DIGEST",
        text="先自己求了 SHA-256 再交给 SM2 签名函数，应把待签名串原文交给签名函数",
        digest=_under_za(lambda message: hashlib.sha256(message).digest()),
    ),
)
