"""SM2 keys: PEM in and out, and the serial number that names them on the wire.

Source: protocol section 3; RFC 5208 (PKCS#8), RFC 5915 (ECPrivateKey), RFC 5480 (SubjectPublicKeyInfo).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from gateway.crypto import curve, pem
from gateway.crypto.asn1 import (
    BIT_STRING,
    CONTEXT_0,
    CONTEXT_1,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    Reader,
    encode,
)
from gateway.crypto.digest import sm3
from gateway.crypto.evp import load_libcrypto
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.parameters import SM2_ALGORITHM, check_algorithm

_SERIAL_BYTES: Final = 20
_MAX_SECRET: Final = curve.N - 2


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PublicKey:
    """A point of sm2p256v1 as `04 ‖ x ‖ y`; KeyFormatError for one that is not on the curve."""

    point: bytes
    serial_no: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Bring the point to its standard form, whatever the form it came in, before the serial is taken."""
        object.__setattr__(self, "point", curve.decode_point(self.point))
        object.__setattr__(self, "serial_no", sm3(self.spki)[:_SERIAL_BYTES].hex().upper())

    @property
    def spki(self) -> bytes:
        """The standard SubjectPublicKeyInfo, 91 bytes of DER."""
        return curve.SPKI_HEAD + self.point

    @classmethod
    def from_pem(cls, text: str | bytes) -> PublicKey:
        """Read a SubjectPublicKeyInfo: standard, compressed or with explicit parameters; one key, one serial."""
        return cls.from_spki(pem.read_block(text, pem.PUBLIC))

    @classmethod
    def from_spki(cls, der: bytes) -> PublicKey:
        """Read a SubjectPublicKeyInfo in DER; KeyFormatError for another curve or algorithm."""
        outer = Reader(der)
        info = outer.enter(SEQUENCE)
        outer.finish()
        check_algorithm(info.enter(SEQUENCE))
        point = info.take_bits()
        info.finish()
        return cls(point)

    def to_pem(self) -> str:
        """The standard SubjectPublicKeyInfo as PEM."""
        return pem.write_block(self.spki, pem.PUBLIC)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PrivateKey:
    """A secret number of 32 bytes, never shown, with the public key that belongs to it."""

    secret: bytes = field(repr=False, compare=False)
    public: PublicKey

    @property
    def serial_no(self) -> str:
        """The serial number of its public key."""
        return self.public.serial_no

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new key from the system's randomness, evenly over 1 .. n-2 (GB/T 32918.1)."""
        return cls.from_secret((1 + secrets.randbelow(_MAX_SECRET)).to_bytes(curve.FIELD_BYTES))

    @classmethod
    def from_secret(cls, secret: bytes) -> PrivateKey:
        """The key of a secret number (32 bytes, big-endian); KeyFormatError outside 1 .. n-2."""
        if not (len(secret) == curve.FIELD_BYTES and 1 <= int.from_bytes(secret) <= _MAX_SECRET):
            raise KeyFormatError("私钥数值超出 SM2 的取值范围，请重新生成密钥。")
        libcrypto = load_libcrypto()
        handle = libcrypto.load_private(_pkcs8(_ec_private_key(secret)))
        return cls(secret=secret, public=PublicKey.from_spki(libcrypto.public_of(handle)))

    @classmethod
    def from_pem(cls, text: str | bytes) -> PrivateKey:
        """Read an unencrypted PKCS#8 key; the public half, where it stands, must belong to the secret."""
        return cls._from_pkcs8(pem.read_block(text, pem.PRIVATE))

    @classmethod
    def _from_pkcs8(cls, der: bytes) -> PrivateKey:
        info = Reader(der).enter(SEQUENCE)
        info.take_integer()
        check_algorithm(info.enter(SEQUENCE))
        body = Reader(info.take(OCTET_STRING)).enter(SEQUENCE)
        body.take_integer()
        key = cls.from_secret(body.take(OCTET_STRING).rjust(curve.FIELD_BYTES, b"\x00"))
        body.take_optional(CONTEXT_0)
        half = body.take_optional(CONTEXT_1)
        if half is not None and curve.decode_point(Reader(half).take_bits()) != key.public.point:
            raise KeyFormatError("私钥文件中的公钥与私钥不配对，请重新导出或重新生成密钥。")
        return key

    @property
    def pkcs8(self) -> bytes:
        """The key with its public half as PKCS#8, 138 bytes of DER."""
        half = encode(CONTEXT_1, encode(BIT_STRING, b"\x00", self.public.point))
        return _pkcs8(_ec_private_key(self.secret, half))

    def to_pem(self) -> str:
        """The key as unencrypted PKCS#8 PEM."""
        return pem.write_block(self.pkcs8, pem.PRIVATE)


def serial_no(public: PublicKey) -> str:
    """40 upper-case hex digits: the first 20 bytes of SM3 over the standard encoding (protocol section 3)."""
    return public.serial_no


def _ec_private_key(secret: bytes, *optional: bytes) -> bytes:
    return encode(SEQUENCE, encode(INTEGER, b"\x01"), encode(OCTET_STRING, secret), *optional)


def _pkcs8(ec_private_key: bytes) -> bytes:
    return encode(SEQUENCE, encode(INTEGER, b"\x00"), SM2_ALGORITHM, encode(OCTET_STRING, ec_private_key))
