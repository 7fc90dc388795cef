"""Bytes that are sealed on their way into the database and opened on their way out.

A confidential value is handed to a statement as `Confidential`; the column seals it with the keyring of its engine. A
value that was stored before there was a key is read as it stands. Without a keyring nothing is sealed, and a sealed
value cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from gateway.core.sealing import MAGIC
from gateway.crypto.sm4 import SealBroken
from gateway.ports import Ring

_RINGS: Final[WeakKeyDictionary[Dialect, Ring]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Confidential:
    """A value to be sealed under a class's key."""

    kind: str
    plain: bytes


def hang_keyring(dialect: Dialect, ring: Ring) -> None:
    """Seal and open with these keys on every connection of this engine."""
    _RINGS[dialect] = ring


def as_stored(value: Any, dialect: Dialect) -> Any:
    """A confidential value sealed, where there is a keyring, or a list's; any other value as it is."""
    if isinstance(value, list):
        return [as_stored(each, dialect) if isinstance(each, Confidential) else each for each in value]
    if not isinstance(value, Confidential):
        return value
    ring = _RINGS.get(dialect)
    return value.plain if ring is None else ring.seal(value.kind, value.plain)


class SealedBytes(TypeDecorator[bytes]):
    """A column of bytes, some of them sealed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Seal what is confidential."""
        stored: bytes | None = as_stored(value, dialect)
        return stored

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Open what is sealed. Raises SealBroken."""
        if value is None or not value.startswith(MAGIC):
            return value
        ring = _RINGS.get(dialect)
        if ring is None:
            raise SealBroken("内容已封存，而本目录没有封存密钥；请恢复 keys/seal.key 的备份")
        return ring.open(value)
