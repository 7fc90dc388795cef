"""The bytes of files in a directory, each under its digest: `ab/ab12…`.

A file is received under a name of its own in `incoming`, synced, and moved into place in one step, so that a name that
is a digest never stands for anything but the whole file, whenever the process is killed. Several hosts share the
directory over a network file system that syncs and renames as POSIX says (NFS does).
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final

from gateway.core.delivery import SECOND
from gateway.crypto.digest import Sm3
from gateway.ports import Chunks, FileMismatch, StoreUnavailable

CHUNK: Final = 256 * 1024
"""Bytes read at a time."""

ABANDONED: Final = 3600 * SECOND
"""A half-received file that nobody wrote to for so long has lost its process: no upload may take that long."""

_INCOMING: Final = "incoming"
_PRIVATE: Final = 0o700


class FileDirectory:
    """A FileStore in a directory, made on demand."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def keep(self, digest: str, chunks: Chunks) -> int:
        """Take in a file; its size, once the bytes are durable. Raises FileMismatch, or what `chunks` raises."""
        incoming = await asyncio.to_thread(_Incoming, self._directory / _INCOMING)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(incoming.write, chunk)
            await asyncio.to_thread(incoming.settle, digest, self._place(digest))
        finally:
            incoming.drop()
        return incoming.size

    async def read(self, digest: str) -> Chunks:
        """The bytes of a file that was kept; it is opened when the first are asked for."""
        place = self._place(digest)
        with _wrapped():
            await asyncio.to_thread(place.stat)
        return _chunks(place)

    async def remove(self, digest: str, *, before: int) -> None:
        """Delete a file that was last put before an instant; one put later, or none, is left."""
        await asyncio.to_thread(_remove, self._place(digest), before)

    async def tidy(self, *, now: int) -> int:
        """Remove what killed processes left half-received; how many."""
        return await asyncio.to_thread(_tidy, self._directory / _INCOMING, now - ABANDONED)

    def _place(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest


class _Incoming:
    """A file on its way in; each call runs in a thread, one after another."""

    def __init__(self, folder: Path) -> None:
        with _wrapped():
            for path in (folder.parent, folder):
                path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            self._path = folder / secrets.token_hex(16)
            self._file = self._path.open("xb")
        self._digest = Sm3()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add to the file and its digest."""
        self._digest.update(chunk)
        self.size += len(chunk)
        with _wrapped():
            self._file.write(chunk)

    def settle(self, digest: str, place: Path) -> None:
        """Move the file into place, durably, if it is the one that was announced."""
        if self._digest.hex() != digest:
            raise FileMismatch
        with _wrapped():
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


async def _chunks(place: Path) -> Chunks:
    with _wrapped():
        file = await asyncio.to_thread(place.open, "rb", buffering=0)
    with file:
        while chunk := await asyncio.to_thread(_read, file):
            yield chunk


def _read(file: FileIO) -> bytes:
    with _wrapped():
        return file.read(CHUNK) or b""


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
