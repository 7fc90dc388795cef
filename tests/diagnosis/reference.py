"""SM2 signatures with every mistake to hand, written from GB/T 32918.2 over the gmssl package's curve arithmetic."""

from __future__ import annotations

import base64
import hashlib
import secrets

from gmssl import sm2, sm3

TABLE = sm2.default_ecc_table
N, A, B, G = int(TABLE["n"], 16), TABLE["a"], TABLE["b"], TABLE["g"]
USER_ID = b"1234567812345678"


def sm3_of(data: bytes) -> bytes:
    return bytes.fromhex(sm3.sm3_hash(list(data)))


class Signer:
    """A key pair whose every step can be done wrongly. With a seed the same key signs the same bytes each time."""

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = seed
        self._drawn = 0
        self._curve = sm2.CryptSM2(private_key="", public_key="")
        self.secret, self.point = self._pair()

    def _draw(self, below: int) -> int:
        if not self._seed:
            return secrets.randbelow(below)
        self._drawn += 1
        return int.from_bytes(sm3_of(self._seed + self._drawn.to_bytes(4)) + sm3_of(self._seed + b"more")) % below

    def _pair(self) -> tuple[int, str]:
        while True:
            secret = 1 + self._draw(N - 2)
            point = self._multiply(secret)
            if len(point) == 128:
                return secret, point

    def _multiply(self, number: int) -> str:
        return str(self._curve._kg(number, G))

    def za(self, user_id: bytes = USER_ID, *, entl: int | None = None) -> bytes:
        length = len(user_id) * 8 if entl is None else entl
        return sm3_of(length.to_bytes(2) + user_id + bytes.fromhex(A + B + G + self.point))

    def pair(self, e: bytes) -> tuple[int, int]:
        """R and s of a digest; the two do not begin with a zero byte, so that mistakes of form stay apart."""
        while True:
            k = 1 + self._draw(N - 1)
            r = (int.from_bytes(e) + int(self._multiply(k)[:64], 16)) % N
            s = pow(1 + self.secret, -1, N) * (k - r * self.secret) % N
            if r >> 248 and s >> 248:
                return r, s

    def ecdsa(self, e: bytes) -> tuple[int, int]:
        k = 1 + self._draw(N - 1)
        r = int(self._multiply(k)[:64], 16) % N
        return r, pow(k, -1, N) * (int.from_bytes(e) + r * self.secret) % N

    def right(self, message: bytes) -> tuple[int, int]:
        return self.pair(sm3_of(self.za() + message))

    def text(self, message: bytes) -> str:
        """The right signature of a message, as it goes into the header."""
        return b64(der(*self.right(message)))


def der(r: int, s: int) -> bytes:
    content = integer(r) + integer(s)
    return bytes([0x30, len(content)]) + content


def integer(number: int) -> bytes:
    data = number.to_bytes((number.bit_length() + 8) // 8)
    return bytes([2, len(data)]) + data


def fixed(number: int) -> bytes:
    """An INTEGER always of 34 bytes: leading zeros that DER forbids, whatever the number."""
    return bytes([2, 34]) + number.to_bytes(34)


def bare(number: int) -> bytes:
    """An INTEGER of 32 bytes without the leading zero that a set first bit asks for."""
    return bytes([2, 32]) + number.to_bytes(32)


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
