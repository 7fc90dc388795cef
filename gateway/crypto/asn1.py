"""The little of DER (X.690) that keys need: definite lengths in their shortest form, one-byte tags."""

from __future__ import annotations

from typing import Final

from gateway.crypto.faults import KeyFormatError

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_ID: Final = 0x06
SEQUENCE: Final = 0x30
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1

_LONG_FORM: Final = 0x80
_MAX_LENGTH_BYTES: Final = 2


def encode(tag: int, *parts: bytes) -> bytes:
    """One element around its joined parts."""
    content = b"".join(parts)
    size = len(content)
    if size < _LONG_FORM:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, _LONG_FORM | len(length)]) + length + content


class Reader:
    """Takes the elements of a run of DER one after the other; KeyFormatError where another one stands."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def next_tag(self) -> int | None:
        """The tag of the next element, None at the end."""
        return self._data[self._position] if self._position < len(self._data) else None

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        if self.next_tag != tag:
            raise _broken()
        start = self._position + 2
        length = self._byte(start - 1)
        if length >= _LONG_FORM:
            length, start = self._long_length(start, length - _LONG_FORM)
        end = start + length
        if end > len(self._data):
            raise _broken()
        self._position = end
        return self._data[start:end]

    def take_optional(self, tag: int) -> bytes | None:
        """The content of the next element if it has this tag, else None and nothing is taken."""
        return self.take(tag) if self.next_tag == tag else None

    def enter(self, tag: int) -> Reader:
        """A reader of the next element's content."""
        return Reader(self.take(tag))

    def take_integer(self) -> int:
        """The next element as a number."""
        return int.from_bytes(self.take(INTEGER), signed=True)

    def take_bits(self) -> bytes:
        """The bytes of the next BIT STRING, which must be whole ones."""
        content = self.take(BIT_STRING)
        if content[:1] != b"\x00":
            raise _broken()
        return content[1:]

    def finish(self) -> None:
        """KeyFormatError if anything is left."""
        if self.next_tag is not None:
            raise _broken()

    def _byte(self, position: int) -> int:
        if position >= len(self._data):
            raise _broken()
        return self._data[position]

    def _long_length(self, start: int, count: int) -> tuple[int, int]:
        length = int.from_bytes(self._data[start : start + count])
        shortest = (length.bit_length() + 7) // 8
        if not 1 <= count <= _MAX_LENGTH_BYTES or length < _LONG_FORM or count != shortest:
            raise _broken()
        return length, start + count


def _broken() -> KeyFormatError:
    return KeyFormatError("密钥的 ASN.1 DER 编码有误，请核对文件是否完整，或用 openssl 重新导出。")
