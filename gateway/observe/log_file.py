"""A log file that may be moved away by log rotation at any time, and may be shared by processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MODE: Final = 0o640


class LogFile:
    """Appends each text with one write, so that lines of several processes do not mix.

    Opens the path again when it no longer names the open file.
    """

    def __init__(self, path: Path) -> None:
        """Open at once, so that a path that cannot be written stops the start (OSError)."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, text: str) -> None:
        """Append a text."""
        if self._moved():
            os.close(self._descriptor)
            self._descriptor = self._open()
        os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Nothing waits here: each write has reached the operating system."""

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _moved(self) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True
