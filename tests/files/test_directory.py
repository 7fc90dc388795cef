from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.crypto.digest import Sm3, sm3_hex
from gateway.ports import FileMismatch, StoreUnavailable
from gateway.store import FileDirectory

PARTS = (b"one", b"two" * 1000, b"", b"three")
WHOLE = b"".join(PARTS)
NOW = 1_795_219_200_000_000
HOUR = 3_600_000_000

DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.crypto.digest import sm3_hex
from gateway.store import FileDirectory, contents

async def chunks():
    yield b"whole"

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(*{"write": (contents._Incoming, "settle"), "rename": (contents.Path, "replace"), "done": (contents, "_sync")}[
    sys.argv[2]], die)
asyncio.run(FileDirectory(Path(sys.argv[1])).keep(sm3_hex(b"whole"), chunks()))
"""


async def come(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def read(directory: FileDirectory, digest: str) -> bytes:
    return b"".join([chunk async for chunk in await directory.read(digest)])


def test_a_digest_taken_in_parts_is_the_digest() -> None:
    """However the data is cut."""
    state = Sm3()
    for part in PARTS:
        state.update(part)
    assert state.hex() == sm3_hex(WHOLE)


async def test_what_is_kept_is_read(tmp_path: Path) -> None:
    """Whole, under its digest and nothing else."""
    directory = FileDirectory(tmp_path / "files")
    assert await directory.keep(sm3_hex(WHOLE), come(*PARTS)) == len(WHOLE)
    assert await read(directory, sm3_hex(WHOLE)) == WHOLE
    assert names(tmp_path) == {sm3_hex(WHOLE)}
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "files", *(tmp_path / "files").iterdir())} == {0}


@pytest.mark.parametrize("fault", [OSError("reset"), RuntimeError("gone")])
async def test_a_source_that_breaks_leaves_nothing(tmp_path: Path, fault: Exception) -> None:
    """Its exception passes through."""
    with pytest.raises(type(fault)):
        await FileDirectory(tmp_path).keep(sm3_hex(WHOLE), come(PARTS[0], fault))
    assert names(tmp_path) == set()


async def test_a_mismatch_leaves_nothing(tmp_path: Path) -> None:
    """Nor does it touch the file that is there."""
    directory = FileDirectory(tmp_path)
    await directory.keep(sm3_hex(WHOLE), come(*PARTS))
    with pytest.raises(FileMismatch):
        await directory.keep(sm3_hex(WHOLE), come(b"other"))
    assert await read(directory, sm3_hex(WHOLE)) == WHOLE
    assert names(tmp_path) == {sm3_hex(WHOLE)}


async def test_a_damaged_file_is_mended_by_putting_it_again(tmp_path: Path) -> None:
    """What stands under a digest is replaced by what was just checked."""
    directory, digest = FileDirectory(tmp_path), sm3_hex(WHOLE)
    await directory.keep(digest, come(*PARTS))
    (tmp_path / digest[:2] / digest).write_bytes(b"rot")
    await directory.keep(digest, come(*PARTS))
    assert await read(directory, digest) == WHOLE


async def test_a_disk_that_is_no_use_is_unavailable(tmp_path: Path) -> None:
    """A directory that cannot be made, a file that is not there."""
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        await FileDirectory(tmp_path / "plain").keep(sm3_hex(WHOLE), come(*PARTS))
    with pytest.raises(StoreUnavailable):
        await FileDirectory(tmp_path).read(sm3_hex(WHOLE))


@pytest.mark.parametrize(("point", "left"), [("write", 0), ("rename", 0), ("done", 1)])
def test_a_kill_leaves_a_whole_file_or_none(tmp_path: Path, point: str, left: int) -> None:
    """Killed before the file is settled, before the rename, after it: a digest never names a half."""
    killed = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), point], check=False, env=os.environ)
    assert killed.returncode == -9
    digest = sm3_hex(b"whole")
    found = [path for path in tmp_path.rglob(digest) if path.is_file()]
    assert len(found) == left
    assert all(path.read_bytes() == b"whole" for path in found)


async def test_half_received_files_are_removed_once_they_are_old(tmp_path: Path) -> None:
    """Those of other processes that may still be at work stay."""
    directory = FileDirectory(tmp_path)
    await directory.keep(sm3_hex(WHOLE), come(*PARTS))
    for name, age in (("old", 2 * HOUR), ("young", HOUR // 2)):
        path = tmp_path / "incoming" / name
        path.write_bytes(b"half")
        os.utime(path, ns=((NOW - age) * 1000,) * 2)
    os.utime(tmp_path / sm3_hex(WHOLE)[:2] / sm3_hex(WHOLE), ns=(0, 0))
    assert await directory.tidy(now=NOW) == 1
    assert names(tmp_path) == {sm3_hex(WHOLE), "young"}
    assert await FileDirectory(tmp_path / "none").tidy(now=NOW) == 0


async def test_what_leaves_is_removed_unless_it_was_put_since(tmp_path: Path) -> None:
    """A file older than the bound goes, a newer one and one that is not there are left."""
    directory, digest = FileDirectory(tmp_path / "files"), sm3_hex(WHOLE)
    await directory.keep(digest, come(*PARTS))
    place = next(path for path in (tmp_path / "files").rglob(digest))
    os.utime(place, (NOW / 1_000_000, NOW / 1_000_000))
    await directory.remove(digest, before=NOW)
    assert await read(directory, digest) == WHOLE
    await directory.remove(digest, before=NOW + 1_000_000)
    assert names(tmp_path) == set()
    await directory.remove(digest, before=NOW + 1_000_000)
