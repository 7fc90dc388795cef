"""Append-only ledgers on the disk before anything is answered, written in groups; and the eyes that follow them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.flow.batching import Batcher

Entry = dict[str, Any]


def now_us() -> int:
    """Microseconds UTC, as this machine has them."""
    return time.time_ns() // 1000


class Ledger:
    """Entries as JSON lines, each with its instant `at`; `write` returns when the line is on the disk."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._batcher: Batcher[Entry, None] = Batcher(self._append, size=500, bound=100_000)

    async def write(self, entry: Entry) -> None:
        """Make one entry durable; entries stand in the order in which they were handed in."""
        await self._batcher.submit({"at": now_us(), **entry})

    async def _append(self, entries: Sequence[Entry]) -> Sequence[None]:
        data = b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)
        await asyncio.to_thread(self._flush, data)
        return [None] * len(entries)

    def _flush(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        os.fsync(self._fd)


class Tail:
    """Reads what was added to a ledger since the last look; a line that is not whole yet waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def read(self) -> Iterator[Entry]:
        """The whole entries that are new."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)


def read_all(path: Path) -> list[Entry]:
    """Every whole entry of a ledger."""
    return list(Tail(path).read())
