"""The documents that the examples name: small files that ship with them."""

from __future__ import annotations

from typing import Final

from gateway.catalogue.places import SCHEMAS

SPECIMENS: Final = SCHEMAS / "examples" / "files"


def read_specimens() -> list[bytes]:
    """The bytes of every specimen, by name."""
    return [file.read_bytes() for file in sorted(SPECIMENS.iterdir())]
