"""Which curve a key names: sm2p256v1 by its identifier or by its figures, nothing else.

Source: RFC 5480 (namedCurve), SEC 1 C.2 (explicit parameters), GB/T 33560 (identifier of sm2p256v1).
"""

from __future__ import annotations

from typing import Final

from gateway.crypto import curve
from gateway.crypto.asn1 import BIT_STRING, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE, Reader, encode
from gateway.crypto.faults import KeyFormatError

_EC: Final = bytes.fromhex("2A8648CE3D0201")
_SM2: Final = bytes.fromhex("2A811CCF5501822D")
_PRIME_FIELD: Final = bytes.fromhex("2A8648CE3D0101")
_OTHERS: Final = {
    bytes.fromhex("2A864886F70D010101"): "RSA",
    bytes.fromhex("2B6570"): "Ed25519",
    bytes.fromhex("2A8648CE3D030107"): "P-256（prime256v1）",
    bytes.fromhex("2B8104000A"): "secp256k1",
    bytes.fromhex("2B81040022"): "P-384",
}

SM2_ALGORITHM: Final = encode(SEQUENCE, encode(OBJECT_ID, _EC), encode(OBJECT_ID, _SM2))


def check_algorithm(algorithm: Reader) -> None:
    """Raise KeyFormatError unless this AlgorithmIdentifier is an EC key on sm2p256v1."""
    _require_id(algorithm.take(OBJECT_ID), _EC)
    if algorithm.next_tag == SEQUENCE:
        _check_explicit(algorithm.enter(SEQUENCE))
    else:
        _require_id(algorithm.take(OBJECT_ID), _SM2)
    algorithm.finish()


def _require_id(found: bytes, wanted: bytes) -> None:
    if found != wanted:
        name = _OTHERS.get(found, "其他算法或曲线的")
        raise KeyFormatError(f"这是 {name} 密钥，本系统只用 SM2（sm2p256v1），请用 wgg keys generate 生成。")


def _check_explicit(parameters: Reader) -> None:
    parameters.take_integer()
    field = parameters.enter(SEQUENCE)
    figures = [field.take(OBJECT_ID) == _PRIME_FIELD, field.take_integer() == curve.P]
    equation = parameters.enter(SEQUENCE)
    figures += [int.from_bytes(equation.take(OCTET_STRING)) == wanted for wanted in (curve.A, curve.B)]
    equation.take_optional(BIT_STRING)
    base, order = parameters.take(OCTET_STRING), parameters.take_integer()
    cofactor = parameters.take_integer() if parameters.next_tag == INTEGER else 1
    # The figures are held first: a base point of another curve is not to be read on this one.
    if not all(figures) or order != curve.N or cofactor != 1 or curve.decode_point(base) != curve.G:
        raise KeyFormatError("密钥的曲线参数不是 sm2p256v1，本系统只用 SM2，请用 wgg keys generate 生成。")
