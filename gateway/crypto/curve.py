"""The curve sm2p256v1: its figures, and whether a point is on it.

Source: GB/T 32918.5. Only public points are computed with here; secrets stay inside libcrypto.
"""

from __future__ import annotations

from typing import Final

from gateway.crypto.faults import KeyFormatError

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G: Final = bytes.fromhex(
    "04"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
FIELD_BYTES: Final = 32
# What stands before the point in the standard SubjectPublicKeyInfo (protocol section 3).
SPKI_HEAD: Final = bytes.fromhex("3059301306072A8648CE3D020106082A811CCF5501822D034200")

_UNCOMPRESSED: Final = 4
_COMPRESSED: Final = (2, 3)


def decode_point(encoded: bytes) -> bytes:
    """The point as `04 ‖ x ‖ y` (65 bytes) from that form or the compressed one; KeyFormatError if not on the curve."""
    if encoded[:1] == bytes([_UNCOMPRESSED]) and len(encoded) == 1 + 2 * FIELD_BYTES:
        x, y = int.from_bytes(encoded[1 : 1 + FIELD_BYTES]), int.from_bytes(encoded[1 + FIELD_BYTES :])
    elif encoded and encoded[0] in _COMPRESSED and len(encoded) == 1 + FIELD_BYTES:
        x = int.from_bytes(encoded[1:])
        y = _root(_right_side(x), odd=encoded[0] & 1)
    else:
        raise KeyFormatError("公钥点的编码有误，应为 04‖x‖y（65 字节）或压缩形式（33 字节）。")
    if x >= P or y >= P or y * y % P != _right_side(x):
        raise KeyFormatError("公钥点不在 sm2p256v1 曲线上，请核对公钥文件是否完整。")
    return bytes([_UNCOMPRESSED]) + x.to_bytes(FIELD_BYTES) + y.to_bytes(FIELD_BYTES)


def _right_side(x: int) -> int:
    return (x * x * x + A * x + B) % P


def _root(square: int, *, odd: int) -> int:
    # P is 3 mod 4, so that this power is a root wherever there is one; the caller's curve check finds where not.
    root = pow(square, (P + 1) // 4, P)
    return root if root & 1 == odd else (P - root) % P
