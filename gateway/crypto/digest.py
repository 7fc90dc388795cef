"""SM3 (GB/T 32905), from the `cryptography` package: unlike hashlib's it is there on every host."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SM3, Hash


class Sm3:
    """A digest taken as the data comes."""

    def __init__(self) -> None:
        self._state = Hash(SM3())

    def update(self, data: bytes) -> None:
        """Take in the next part."""
        self._state.update(data)

    def hex(self) -> str:
        """The digest of all parts, as `sm3_hex` writes it; nothing may be added afterwards."""
        return self._state.finalize().hex()


def sm3(data: bytes) -> bytes:
    """The 32 bytes of the digest."""
    state = Hash(SM3())
    state.update(data)
    return state.finalize()


def sm3_hex(data: bytes) -> str:
    """The digest as the wire writes it: 64 lower-case hex digits (protocol section 2)."""
    return sm3(data).hex()
