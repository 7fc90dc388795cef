"""The port of sealing at rest: the data keys that the database keeps, and the ring that seals with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.core.sealing import DataKey
from gateway.ports.records import Audit


class Ring(Protocol):
    """Seals by class and opens what it sealed."""

    def seal(self, kind: str, plain: bytes) -> bytes:
        """Seal a value under its class's key."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; raises where it was changed or the key is missing."""
        ...


class SealKeys(Protocol):
    """The keys of what is sealed at rest."""

    @property
    def ring(self) -> Ring | None:
        """What the store was unlocked with; None in a home without a sealing key."""
        ...

    def unlock(self, ring: Ring) -> None:
        """Seal the bodies of confidential types and open what is sealed, from now on."""
        ...

    async def seal_keys(self) -> Sequence[DataKey]:
        """Every data key as it is kept, oldest first."""
        ...

    async def add_seal_keys(self, keys: Sequence[DataKey], *, now: int, audit: Audit) -> None:
        """Keep new data keys; the database numbers them, and keeps the first one of a class."""
        ...

    async def rewrap(self, keys: Sequence[DataKey], *, now: int, audit: Audit) -> None:
        """Keep the same data keys, by number, under another home key: all or none."""
        ...
