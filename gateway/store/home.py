"""The lock on a SQLite home: one serving process a file (architecture point 7)."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeInUse(ValueError):  # noqa: N818 - a condition that the command tells to people
    """Another process serves this home."""


@contextmanager
def lock_home(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; the kernel drops it with the process. Raises HomeInUse."""
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeInUse(f"已有进程正在使用 {path}；一个 SQLite 数据库只能由一个 wgg serve 使用。") from error
        yield
