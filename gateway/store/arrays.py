"""Columns of values as PostgreSQL's arrays in binary form, packed by the type that the statement names.

The driver packs them too, but asks of each value what it is: for the hundred values that an accepted application
leaves, that took three times as long. Source: PostgreSQL's `array_recv`, the receive functions of its elements, and the
OIDs of `pg_type.dat`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

_SIZE: Final = struct.Struct("!i")
_NULL: Final = _SIZE.pack(-1)
_HEAD: Final = struct.Struct("!iiIii")
"""Dimensions, whether any is null, the element's OID, how many, the first one's index."""


class Packed:
    """An array as it goes to the server; a subclass an element's type, by which the driver finds the dumper."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.raw


Packer = Callable[[Sequence[Any]], Packed]


def packer_of(kind: TypeEngine[Any]) -> Packer:
    """What packs values of this type, or None, into an array of one dimension. KeyError for a type not used here."""
    return _PACKERS[type(kind.impl_instance if isinstance(kind, TypeDecorator) else kind)]


def _make_packer(element: int, array: int, encode: Callable[[Any], bytes]) -> Packer:
    packed: type[Packed] = type(f"_Packed{array}", (Packed,), {"__slots__": ()})
    psycopg.adapters.register_dumper(packed, type(f"_Dumper{array}", (_Dumper,), {"oid": array}))

    def pack(values: Sequence[Any]) -> Packed:
        head = _HEAD.pack(1, None in values, element, len(values), 1)
        return packed(b"".join([head, *[_NULL if value is None else encode(value) for value in values]]))

    return pack


def _sized(raw: bytes) -> bytes:
    return _SIZE.pack(len(raw)) + raw


_PACKERS: Final[Mapping[type[TypeEngine[Any]], Packer]] = MappingProxyType(
    {
        Boolean: _make_packer(16, 1000, partial(struct.Struct("!i?").pack, 1)),
        LargeBinary: _make_packer(17, 1001, _sized),
        BigInteger: _make_packer(20, 1016, partial(struct.Struct("!iq").pack, 8)),
        Integer: _make_packer(23, 1007, partial(struct.Struct("!ii").pack, 4)),
        Text: _make_packer(25, 1009, lambda text: _sized(text.encode())),
    }
)
