"""SM3 (GB/T 32905), from the `cryptography` package: unlike hashlib's it is there on every host."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SM3, Hash


def sm3(data: bytes) -> bytes:
    """The 32 bytes of the digest."""
    state = Hash(SM3())
    state.update(data)
    return state.finalize()


def sm3_hex(data: bytes) -> str:
    """The digest as the wire writes it: 64 lower-case hex digits (protocol section 2)."""
    return sm3(data).hex()
