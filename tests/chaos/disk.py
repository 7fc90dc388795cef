"""The disk full under the embedded default: a small tmpfs where mounting is allowed, filled up and emptied again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.faults import DISK_FULL
from tests.chaos.rounds import Round, Theatre
from tests.chaos.stage import embedded_stage

SIZE = "64m"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs of a few MiB mounted on the folder; False where this machine does not let us."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    allowed = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def disk_round(folder: Path) -> list[Round]:
    """One round with a full disk; none where mounting is not allowed."""
    disk, rest = folder / "disk", folder / "disk-rest"
    disk.mkdir()
    rest.mkdir()
    with small_disk(disk) as allowed:
        if not allowed:
            print("本机不允许挂载 tmpfs：未做磁盘写满一项", flush=True)
            return []
        with embedded_stage(rest, disk / "home") as stage:
            return [Theatre(stage, "embedded", rate=100).play([[DISK_FULL]])]
