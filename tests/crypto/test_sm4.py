"""SM4-GCM and HMAC-SM3 against published vectors and against two other implementations."""

from __future__ import annotations

import secrets

import pytest
from gmssl import sm3 as gmssl_sm3
from gmssl.sm4 import SM4_ENCRYPT, CryptSM4
from hypothesis import given
from hypothesis import strategies as st

from gateway.crypto.sm4 import NONCE_SIZE, TAG_SIZE, SealBroken, decrypt, encrypt, hmac_sm3, new_key
from tests.crypto.others import openssl

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
NONCE = bytes.fromhex("00001234567800000000abcd")
AAD = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAIN = bytes.fromhex("".join(pair * 8 for pair in ("aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa")))
SEALED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)


def test_the_published_vector() -> None:
    """RFC 8998 appendix A.1, both ways."""
    assert encrypt(KEY, PLAIN, nonce=NONCE, aad=AAD) == SEALED
    assert decrypt(KEY, SEALED, nonce=NONCE, aad=AAD) == PLAIN


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 3000])
def test_the_openssl_command_makes_the_same_ciphertext(size: int) -> None:
    """GCM encrypts as CTR from the second counter block on; the command has SM4-CTR in every version of OpenSSL 3."""
    key, nonce, plain = new_key(), secrets.token_bytes(NONCE_SIZE), secrets.token_bytes(size)
    counter = (nonce + (2).to_bytes(4, "big")).hex()
    theirs = openssl("enc", "-sm4-ctr", "-K", key.hex(), "-iv", counter, stdin=plain)
    assert encrypt(key, plain, nonce=nonce, aad=b"")[:-TAG_SIZE] == theirs


def test_gmssl_makes_the_same_ciphertext() -> None:
    """Each block of the key stream is SM4 of a counter, computed in pure Python."""
    block = CryptSM4()
    block.set_key(KEY, SM4_ENCRYPT)
    plain = secrets.token_bytes(40)
    counters = [NONCE + number.to_bytes(4, "big") for number in (2, 3, 4)]
    stream = b"".join(bytes(block.one_round(block.sk, list(counter))) for counter in counters)
    ours = encrypt(KEY, plain, nonce=NONCE, aad=AAD)[:-TAG_SIZE]
    assert ours == bytes(a ^ b for a, b in zip(plain, stream, strict=False))


@given(st.binary(max_size=200), st.binary(max_size=20), st.integers(0))
def test_any_change_breaks_the_seal(plain: bytes, aad: bytes, place: int) -> None:
    """One bit of the ciphertext or the tag, other additional data, another nonce or key: nothing comes out."""
    sealed = encrypt(KEY, plain, nonce=NONCE, aad=aad)
    bit = place % (len(sealed) * 8)
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    for key, text, nonce, more in (
        (KEY, bytes(changed), NONCE, aad),
        (KEY, sealed, NONCE, aad + b"x"),
        (KEY, sealed, NONCE[::-1], aad),
        (KEY[::-1], sealed, NONCE, aad),
        (KEY, sealed[: TAG_SIZE - 1], NONCE, aad),
    ):
        with pytest.raises(SealBroken):
            decrypt(key, text, nonce=nonce, aad=more)
    assert decrypt(KEY, sealed, nonce=NONCE, aad=aad) == plain


@pytest.mark.parametrize("data", [b"", b"abc", b"350200199001010019" * 9])
def test_the_keyed_digest_is_hmac_over_sm3(data: bytes) -> None:
    """RFC 2104 with gmssl's SM3: the inner and outer digests over the padded key."""

    def sm3(text: bytes) -> bytes:
        return bytes.fromhex(gmssl_sm3.sm3_hash(list(text)))

    padded = KEY.ljust(64, b"\0")
    inner = sm3(bytes(byte ^ 0x36 for byte in padded) + data)
    assert hmac_sm3(KEY, data) == sm3(bytes(byte ^ 0x5C for byte in padded) + inner).hex()
