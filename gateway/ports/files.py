"""The ports of files and guarantees: what stands in the database, and where the bytes are.

Every call may raise `StoreUnavailable`: then nothing is known to have happened, and whoever asked may ask again.
Source: protocol section 5.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.order import Order

Chunks = AsyncIterator[bytes]
"""A file's bytes as they come, some at a time."""


class FileMismatch(Exception):  # noqa: N818 - the sender's fault, told on the wire as MALFORMED_REQUEST
    """The bytes do not have the SM3 that they were announced with."""


class FileBroken(Exception):  # noqa: N818 - named for the condition
    """What is kept of a file is not what was put: altered, cut short, or sealed by a key that is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutFile:
    """Who put a file, and when. `size` in bytes."""

    digest: str
    party_id: str
    size: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedGuarantee:
    """A guarantee: the bytes of the message that issued it, and its order as it stands now.

    `body` is empty once retention purged it; the standing stays.
    """

    body: bytes
    order: Order


class FileRows(Protocol):
    """Who put which file, and who may read it."""

    async def add_file(self, file: PutFile) -> None:
        """This party put this file, whose bytes are durable; the last time stands, and what was leaving stays."""
        ...

    async def readable_files(self, party_id: str, digests: Collection[str]) -> Mapping[str, int]:
        """Those of the files that this party may read: digest → size.

        Who put a file may read it, and so may the recipient of an accepted message that names it, if the sender may:
        by the same rule, however long the chain. It does not matter which came first, the message or the file.
        """
        ...


class Guarantees(Protocol):
    """Guarantees by number."""

    async def guarantees(self, number: str) -> Sequence[IssuedGuarantee]:
        """Every guarantee that was issued under this number (two institutions may use the same), latest first."""
        ...


class FileStore(Protocol):
    """The bytes of files, by digest."""

    async def keep(self, digest: str, chunks: Chunks) -> int:
        """Take in a file; its size, once the bytes are durable.

        Bytes pass through, a chunk at a time, and are seen by nobody before all are there and match: FileMismatch, and
        whatever `chunks` raises, leave nothing behind. A file that is there already is put in place anew, whole.
        """
        ...

    async def read(self, digest: str) -> Chunks:
        """The bytes of a file that was kept, some at a time; of a sealed one no byte that was not put.

        FileBroken, naming the file, at the first chunk that cannot be given.
        """
        ...

    async def remove(self, digest: str, *, before: int) -> None:
        """Delete a file that was last put before an instant (microseconds UTC); one put later, or none, is left."""
        ...

    async def tidy(self, *, now: int) -> int:
        """Remove what killed processes left half-received; how many."""
        ...
