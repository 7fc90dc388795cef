"""SM4-GCM (GB/T 32907, RFC 8998) and HMAC-SM3, from the `cryptography` package.

OpenSSL has SM4-GCM since 3.1 only, and the oldest host that we run on brings 3.0: the package carries its own.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from gateway.crypto.faults import CryptoFailed

KEY_SIZE: Final = 16
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16


class SealBroken(CryptoFailed):
    """What is sealed was changed, or belongs to another key."""


def new_key() -> bytes:
    """Sixteen random bytes."""
    return secrets.token_bytes(KEY_SIZE)


def encrypt(key: bytes, plain: bytes, *, nonce: bytes, aad: bytes) -> bytes:
    """The ciphertext with its tag behind it. A nonce is used once per key."""
    state = Cipher(SM4(key), GCM(nonce)).encryptor()
    state.authenticate_additional_data(aad)
    return state.update(plain) + state.finalize() + state.tag


def decrypt(key: bytes, sealed: bytes, *, nonce: bytes, aad: bytes) -> bytes:
    """The plaintext. Raises SealBroken unless tag, nonce, additional data and key are those of the encryption."""
    if len(sealed) < TAG_SIZE:
        raise SealBroken("密文过短")
    state = Cipher(SM4(key), GCM(nonce, sealed[-TAG_SIZE:])).decryptor()
    state.authenticate_additional_data(aad)
    try:
        return state.update(sealed[:-TAG_SIZE]) + state.finalize()
    except InvalidTag as error:
        raise SealBroken("密文被改动，或不是以此密钥封存") from error


def hmac_sm3(key: bytes, data: bytes) -> str:
    """The keyed digest, 64 lower-case hex digits."""
    state = HMAC(key, SM3())
    state.update(data)
    return state.finalize().hex()
