"""Files put and got, and the documents that a message needs (protocol section 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.core.errors import FieldError, Problem
from gateway.flow.gate import Caller
from gateway.ports import Alert, Books, Chunks, Clock, FileBroken, FileMismatch, FileRows, FileStore, PutFile

_MISMATCH = "文件内容的 SM3 与路径中的摘要不符，文件未保存；请核对摘要（64 位小写十六进制）与上传的内容。"


_BROKEN = "网关保存的这份文件已损坏或被改动，无法给出；请联系网关运维，或由存有原件的一方以同一摘要重新上传。"

FILE_BROKEN = "FILE_BROKEN"
"""The alert's code; it is about the file's digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file on its way out. `size` in bytes."""

    size: int
    chunks: Chunks


class FileDesk:
    """Takes in and gives out files.

    `specimens` are the documents of the shipped examples: in a development home they are there for everybody, so that
    an example can be sent as it is (ADR 0012). Elsewhere there are none.
    """

    def __init__(
        self, rows: FileRows, store: FileStore, books: Books, clock: Clock, *, specimens: Mapping[str, bytes]
    ) -> None:
        self._rows = rows
        self._books = books
        self._store = store
        self._clock = clock
        self._specimens = specimens

    async def put(self, caller: Caller, digest: str, chunks: Chunks) -> int:
        """Keep a file in the caller's name; its size. MALFORMED_REQUEST when the bytes are not those of the digest."""
        try:
            size = await self._store.keep(digest, chunks)
        except FileMismatch as error:
            fault = FieldError(pointer="", rule="digest", message=_MISMATCH)
            raise Problem("MALFORMED_REQUEST", _MISMATCH, errors=[fault]) from error
        await self._rows.add_file(PutFile(digest=digest, party_id=caller.party.id, size=size, at=caller.at))
        return size

    async def get(self, caller: Caller, digest: str) -> Content:
        """A file that the caller may read; NOT_FOUND for all others, be it there or not."""
        readable = await self.readable(caller.party.id, [digest])
        if digest not in readable:
            raise Problem("NOT_FOUND")
        given = self._specimens.get(digest)
        chunks = await self._open(digest) if given is None else _whole(given)
        return Content(size=readable[digest], chunks=chunks)

    async def _open(self, digest: str) -> Chunks:
        """The file from its first chunk on, which is looked at before anything is answered."""
        chunks = self._watched(digest)
        try:
            first = await anext(chunks, b"")
        except FileBroken as broken:
            raise Problem("INTERNAL", _BROKEN) from broken
        return _chain(first, chunks)

    async def _watched(self, digest: str) -> Chunks:
        """Whatever comes of the file; an alert where it is broken, be it half-way."""
        try:
            async for chunk in await self._store.read(digest):
                yield chunk
        except FileBroken as broken:
            alert = Alert(code=FILE_BROKEN, about=digest, text=str(broken))
            await self._books.raise_alert(alert, now=self._clock.now())
            raise

    async def readable(self, party_id: str, digests: Collection[str]) -> Mapping[str, int]:
        """Those of the files that this party may read: digest → size."""
        specimens = {digest: len(self._specimens[digest]) for digest in digests if digest in self._specimens}
        others = [digest for digest in digests if digest not in specimens]
        return {**(await self._rows.readable_files(party_id, others) if others else {}), **specimens}

    async def tidy(self) -> bool:
        """Remove what killed processes left half-received; False, for there is no more to do at once."""
        await self._store.tidy(now=self._clock.now())
        return False


async def _whole(data: bytes) -> Chunks:
    yield data


async def _chain(first: bytes, rest: Chunks) -> Chunks:
    yield first
    async for chunk in rest:
        yield chunk
