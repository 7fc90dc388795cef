"""The bytes of files in a directory, each under its digest: `ab/ab12….sealed`, or `ab/ab12…` where nothing is sealed.

A file is received under a name of its own in `incoming`, synced, and moved into place in one step, so that a name that
is a digest never stands for anything but the whole file, whenever the process is killed. Several hosts share the
directory over a network file system that syncs and renames as POSIX says (NFS does). What was put before the home had a
sealing key stays readable as it stands; putting it again seals it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final

from gateway.core.delivery import SECOND
from gateway.crypto.digest import Sm3
from gateway.crypto.sm4 import SealBroken
from gateway.ports import Chunks, FileBroken, FileMismatch, Ring, SealKeys, StoreUnavailable
from gateway.store.sealed_files import CHUNK, SealingStream, open_stream

ABANDONED: Final = 3600 * SECOND
"""A half-received file that nobody wrote to for so long has lost its process: no upload may take that long."""

_INCOMING: Final = "incoming"
_SEALED: Final = ".sealed"
_NO_KEY: Final = "已封存，而本目录没有封存密钥；请恢复 keys/seal.key 的备份"
_PRIVATE: Final = 0o700

Take = Callable[[FileIO], Iterator[bytes]]
"""The bytes of an opened file as they were put, some at a time."""


class FileDirectory:
    """A FileStore in a directory, made on demand; sealed by the keys that `seals` has when a file comes in."""

    def __init__(self, directory: Path, seals: SealKeys | None = None) -> None:
        self._directory = directory
        self._seals = seals

    async def keep(self, digest: str, chunks: Chunks) -> int:
        """Take in a file; its size, once the bytes are durable. Raises FileMismatch, or what `chunks` raises."""
        ring, place = self._ring, self._place(digest)
        stream = None if ring is None else SealingStream(ring, digest)
        incoming = await asyncio.to_thread(_Incoming, self._directory / _INCOMING, stream)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(incoming.write, chunk)
            await asyncio.to_thread(incoming.settle, digest, _sealed(place) if stream else place)
        finally:
            incoming.drop()
        if stream:
            await asyncio.to_thread(_drop, place)
        return incoming.size

    async def read(self, digest: str) -> Chunks:
        """The bytes of a file that was kept; it is opened when the first are asked for."""
        place = self._place(digest)
        if await asyncio.to_thread(_sealed(place).exists):
            return _chunks(_sealed(place), self._opener(digest))
        with _wrapped():
            await asyncio.to_thread(place.stat)
        return _chunks(place, _take_plain)

    async def remove(self, digest: str, *, before: int) -> None:
        """Delete a file that was last put before an instant; one put later, or none, is left."""
        place = self._place(digest)
        for each in (place, _sealed(place)):
            await asyncio.to_thread(_remove, each, before)

    async def tidy(self, *, now: int) -> int:
        """Remove what killed processes left half-received; how many."""
        return await asyncio.to_thread(_tidy, self._directory / _INCOMING, now - ABANDONED)

    @property
    def _ring(self) -> Ring | None:
        return None if self._seals is None else self._seals.ring

    def _opener(self, digest: str) -> Take:
        """Raises FileBroken where there is nothing to open it with."""
        ring = self._ring
        if ring is None:
            raise FileBroken(f"文件 {digest} {_NO_KEY}")
        return lambda file: _open_sealed(file, ring, digest)

    def _place(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest


def _sealed(place: Path) -> Path:
    return place.with_name(place.name + _SEALED)


class _Incoming:
    """A file on its way in, through a `stream` that seals it; each call runs in a thread, one after another."""

    def __init__(self, folder: Path, stream: SealingStream | None) -> None:
        with _wrapped():
            for path in (folder.parent, folder):
                path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            self._path = folder / secrets.token_hex(16)
            self._file = self._path.open("xb")
            if stream is not None:
                self._file.write(stream.head)
        self._stream = stream
        self._digest = Sm3()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add to the file and its digest."""
        self._digest.update(chunk)
        self.size += len(chunk)
        with _wrapped():
            self._file.write(chunk if self._stream is None else self._stream.add(chunk))

    def settle(self, digest: str, place: Path) -> None:
        """Move the file into place, durably, if it is the one that was announced."""
        if self._digest.hex() != digest:
            raise FileMismatch
        with _wrapped():
            if self._stream is not None:
                self._file.write(self._stream.finish())
            self._file.flush()
            os.fsync(self._file.fileno())
            place.parent.mkdir(mode=_PRIVATE, exist_ok=True)
            self._path.replace(place)
            _sync(place.parent)
            _sync(place.parent.parent)

    def drop(self) -> None:
        """Let go; what was not moved into place is gone."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """A rename is durable once its directory is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _chunks(place: Path, take: Take) -> Chunks:
    with _wrapped():
        file = await asyncio.to_thread(place.open, "rb", buffering=0)
    with file:
        parts = take(file)
        while chunk := await asyncio.to_thread(next, parts, b""):
            yield chunk


def _take_plain(file: FileIO) -> Iterator[bytes]:
    while chunk := _read(file, CHUNK):
        yield chunk


def _open_sealed(file: FileIO, ring: Ring, digest: str) -> Iterator[bytes]:
    try:
        yield from open_stream(lambda size: _read(file, size), ring, digest)
    except SealBroken as error:
        raise FileBroken(f"文件 {digest} 在盘上的内容不是当初存入的：{error}") from error


def _read(file: FileIO, size: int) -> bytes:
    """As many bytes as asked for, until the file ends."""
    parts = bytearray()
    with _wrapped():
        while len(parts) < size and (part := file.read(size - len(parts))):
            parts += part
    return bytes(parts)


def _drop(place: Path) -> None:
    """Take away what stands unsealed beside the same file sealed."""
    with _wrapped():
        place.unlink(missing_ok=True)


def _remove(place: Path, before: int) -> None:
    with _wrapped(), suppress(FileNotFoundError):
        if place.stat().st_mtime * SECOND < before:
            place.unlink()


def _tidy(folder: Path, before: int) -> int:
    with _wrapped():
        left = [path for path in folder.glob("*") if path.stat().st_mtime * SECOND < before]
        for path in left:
            path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def _wrapped() -> Iterator[None]:
    """A disk that is full, gone or read-only makes the store unavailable."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"files: {error}") from error
