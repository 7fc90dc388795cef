"""A file sealed at rest, in chunks, so that neither its writer nor its reader ever holds the whole.

Each file has a key of its own, sealed in its head by the class's key: rotating the home key touches no file. Behind the
head stand the chunks, SM4-GCM each; the nonce is the chunk's number and whether it is the last one, and the file's
digest is authenticated with each. So a chunk that is changed, left out, moved or brought from elsewhere, and a file cut
short or put under another name, do not open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gateway.core.sealing import FILE
from gateway.crypto.sm4 import KEY_SIZE, TAG_SIZE, SealBroken, decrypt, encrypt, new_key
from gateway.ports import Ring

CHUNK: Final = 256 * 1024
"""Bytes of a file in one chunk, the last one's excepted."""

_FORM: Final = b"\x00F1"
_COUNT: Final = 11
_LENGTH: Final = 2


class SealingStream:
    """Seals a file on its way to the disk: `head` first, then what `add` and `finish` give."""

    def __init__(self, ring: Ring, digest: str) -> None:
        self._key = new_key()
        self._name = digest.encode()
        self._number = 0
        self._held = bytearray()
        wrapped = ring.seal(FILE, self._key)
        self.head = _FORM + len(wrapped).to_bytes(_LENGTH, "big") + wrapped

    def add(self, data: bytes) -> bytes:
        """What can be written now; the last byte always waits, for it may be in the last chunk."""
        self._held += data
        sealed = bytearray()
        while len(self._held) > CHUNK:
            sealed += self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return bytes(sealed)

    def finish(self) -> bytes:
        """The last chunk."""
        return self._seal(bytes(self._held), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> bytes:
        nonce = _number(self._number, last=last)
        self._number += 1
        return encrypt(self._key, chunk, nonce=nonce, aad=self._name)


def open_stream(read: Callable[[int], bytes], ring: Ring, digest: str) -> Iterator[bytes]:
    """The chunks of a sealed file as it was; `read` gives as many bytes as asked for until the file ends.

    Raises SealBroken, at the first chunk that is not as it was written.
    """
    key = _open_head(read, ring)
    number, chunk = 0, read(CHUNK + TAG_SIZE)
    while chunk:
        following = read(CHUNK + TAG_SIZE)
        nonce = _number(number, last=not following)
        yield decrypt(key, chunk, nonce=nonce, aad=digest.encode())
        number, chunk = number + 1, following
    if not number:
        raise SealBroken("密文被截断")


def _open_head(read: Callable[[int], bytes], ring: Ring) -> bytes:
    if read(len(_FORM)) != _FORM:
        raise SealBroken("不是封存的文件")
    key = ring.open(read(int.from_bytes(read(_LENGTH), "big")))
    if len(key) != KEY_SIZE:
        raise SealBroken("文件密钥有误")
    return key


def _number(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNT, "big") + bytes([last])
