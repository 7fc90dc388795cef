"""A counterpart's ledger: one JSON line per event, never rewritten, on the disk before anything is answered.

It is the counterpart's memory after a restart, and the evidence that tests count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.instants import format_beijing

_MODE: Final = 0o600
Entry = dict[str, Any]


class Ledger:
    """Appends entries; each has `at` (RFC 3339) and `kind`: received, receipt, effect, outgoing, sent.

    `observe` is told of each entry once it is on the disk.
    """

    def __init__(self, path: Path, observe: Callable[[Entry], None] | None = None) -> None:
        """Open for appending; a line that a crash cut short is ended, so that the next one stands alone."""
        self._observe = observe
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        if _is_torn(path):
            os.write(self._fd, b"\n")

    def append(self, entries: Iterable[Entry], *, now: int) -> None:
        """Write entries together and return when they are on the disk; OSError when they cannot be."""
        at = format_beijing(now)
        lines = [{"at": at, **entry} for entry in entries]
        view = memoryview(b"".join(encode_compact(line) + b"\n" for line in lines))
        while view:
            view = view[os.write(self._fd, view) :]
        os.fsync(self._fd)
        if self._observe is not None:
            for line in lines:
                self._observe(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def read_ledger(path: Path) -> Iterator[Entry]:
    """Every whole entry in order; a line cut short by a crash is passed over. No file is an empty ledger."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            yield entry


def _is_torn(path: Path) -> bool:
    data = path.read_bytes()[-1:] if path.stat().st_size else b"\n"
    return data != b"\n"
