"""Python runs this at its start: the process's wall clock is as far off as the file named by CHAOS_CLOCK says.

The file holds nanoseconds as eight bytes and may be rewritten while the process runs. Monotonic clocks go on as ever.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

_OFFSET = struct.Struct("=q")


def _shift(path: Path) -> None:
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), _OFFSET.size, prot=mmap.PROT_READ)
    true_time_ns = time.time_ns

    def time_ns() -> int:
        return int(true_time_ns() + _OFFSET.unpack_from(shared)[0])

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


if "CHAOS_CLOCK" in os.environ:
    _shift(Path(os.environ["CHAOS_CLOCK"]))
